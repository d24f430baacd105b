"""The daemon bets on its own decisions: a plant that changes shows on the page, one that does not stays quiet."""

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from prometheus_client.exposition import generate_latest

from detector.bundle import load
from pipelines.clock import SystemClock
from pipelines.io.sinks.memory import MemorySink
from pipelines.io.sources.memory import MemorySource
from pipelines.serving import served
from pipelines.settings import Settings
from pipelines.stream.health import Health
from pipelines.telemetry import Telemetry
from pipelines.wiring import assembled


def _evidence(frame: pd.DataFrame, path: Path) -> tuple[float, float]:
    """Returns drift_ratio and drift_detected after the daemon has read all rows of a pump."""
    bundle, clock = load(path), SystemClock()
    settings = Settings.model_validate({"detector": {"bundle": str(path), "name": "d"}, "source": {"kind": "memory"}})
    telemetry = Telemetry("memory", "d", served(bundle))
    source = MemorySource([json.dumps(row).encode() for row in frame.to_dict("records")], chunk_rows=200)
    assembled(settings, bundle, source, [MemorySink()], telemetry, Health(clock), clock).run(threading.Event())
    page = dict(line.rsplit(" ", 1) for line in generate_latest(telemetry.registry).decode().splitlines())
    return tuple(float(page[f'reconwatch_drift_{name}{{detector="d"}}']) for name in ("ratio", "detected"))  # type: ignore[return-value]


def test_a_plant_that_changes_shows_on_the_page(stream: Callable[[int, int], pd.DataFrame], bundle: Path) -> None:
    ratio, detected = _evidence(stream(6000, 8), bundle)
    assert ratio < 1
    assert detected == 0
    changed = stream(6000, 8)
    changed.loc[2000:, "flow"] *= 1.5
    ratio, detected = _evidence(changed, bundle)
    assert detected == 1
    assert ratio > 1
