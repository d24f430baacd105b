"""Alerts as tests tell them to sinks."""

from typing import Any

import numpy as np

from detector.alerting.alert import Alert, ChannelShare
from detector.types import DecisionBatch
from pipelines.io.base import Output, Sink

NOTHING = DecisionBatch(*(np.empty(0) for _ in DecisionBatch.__slots__))


def alert(series: str, **options: Any) -> Alert:
    """A major alert of a pump whose flow is too low."""
    told: dict[str, Any] = {
        "id": "0123456789abcdef",
        "state": "firing",
        "severity": "major",
        "detector": "pumps",
        "model_version": "1",
        "series": series,
        "start_ns": 1_700_000_000_000_000_000,
        "peak_ns": 1_700_000_000_000_000_000,
        "peak_score": 2.5,
        "channels": (ChannelShare(name="flow", unit="m3/h", share=0.7, actual=2.1, expected=3.9, low=3.7, high=4.1),),
    }
    return Alert(**{**told, **options})


def push(sink: Sink, *alerts: Alert) -> None:
    """Writes and flushes."""
    sink.write(Output(np.empty(0, object), ("flow",), NOTHING, list(alerts)))
    sink.flush()
