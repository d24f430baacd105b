"""What one series sends changes nothing for the others, not a bit; its own scores are finite or none."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detector.bundle import load
from pipelines.clock import SystemClock
from pipelines.io.sinks.memory import MemorySink
from pipelines.io.sources.memory import MemorySource
from pipelines.settings import Settings
from pipelines.stream.health import Health
from pipelines.telemetry import Served, Telemetry
from pipelines.wiring import assembled

ROWS = 160
Change = Callable[[int, dict[str, Any]], dict[str, Any] | None]
"""What becomes of a reading of the first pump, by its row; None for no record at all."""


def _scores(bundle: Path, stream: Callable, change: Change) -> dict[str, list[tuple[int, float]]]:
    records, keys = [], []
    pumps = {name: stream(ROWS, seed).to_dict("records") for seed, name in enumerate(("first", "second"), 1)}
    for row in range(ROWS):
        for name, readings in pumps.items():
            reading = change(row, dict(readings[row])) if name == "first" else readings[row]
            if reading is not None:
                records.append(json.dumps(reading).encode())
                keys.append(name)
    sink, clock = MemorySink(), SystemClock()
    settings = Settings.model_validate({"detector": {"bundle": str(bundle)}, "source": {"kind": "memory"}})
    source, telemetry = MemorySource(records, keys, chunk_rows=50), Telemetry("memory", "plant", Served("1"))
    assembled(settings, load(bundle), source, [sink], telemetry, Health(clock), clock).run(threading.Event())
    found: dict[str, list[tuple[int, float]]] = {"first": [], "second": []}
    for output in sink.outputs:
        times, scores = output.decisions.time_ns.tolist(), output.decisions.anomaly_score.tolist()
        for name, time_ns, score in zip(output.names, times, scores, strict=True):
            found[name].append((time_ns, score))
    return found


def _between(change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> Change:
    return lambda row, reading: change(reading) if 60 <= row < 90 else reading


CHANGES = {
    "not a number": _between(lambda r: {**r, "flow": "NaN"}),
    "infinite": _between(lambda r: {**r, "flow": "Infinity", "pressure": "-Infinity"}),
    "all channels not a number": _between(lambda r: {**r, "flow": "NaN", "pressure": "NaN", "current": "NaN"}),
    "beyond all measure": _between(lambda r: {**r, "flow": 1e300}),
    "gap": _between(lambda r: None),
    "a channel removed": _between(lambda r: {name: value for name, value in r.items() if name != "flow"}),
    "a channel added": _between(lambda r: {**r, "vibration": 3.0}),
    "a channel renamed for good": lambda row, r: (
        r if row < 60 else {"Q" if n == "flow" else n: v for n, v in r.items()}
    ),
    "text for a number": _between(lambda r: {**r, "flow": "broken"}),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_strange_series_leaves_the_others_as_they_were(change: Change, bundle: Path, stream: Callable) -> None:
    plain, strange = _scores(bundle, stream, lambda row, reading: reading), _scores(bundle, stream, change)
    assert np.array(strange["second"]).tobytes() == np.array(plain["second"]).tobytes()
    assert len(plain["second"]) == ROWS
    scores = np.array([score for _, score in strange["first"]])
    assert not np.isinf(scores).any()
    assert np.isfinite(scores[:40]).all()
    assert strange["first"][:40] == plain["first"][:40]
