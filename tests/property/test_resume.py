"""Stopping at any record and going on gives the results of an uninterrupted run, bit for bit."""

import threading

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.alerting.alert import Alert
from detector.api import fit
from detector.bundle import Bundle
from detector.members.projection import ProjectionMember
from detector.members.table import DetectorConfig
from pipelines.clock import SystemClock
from pipelines.io.base import Checkpoint, RawBatch
from pipelines.io.sinks.memory import MemorySink
from pipelines.io.sources.memory import MemorySource
from pipelines.settings import Settings
from pipelines.stream.health import Health
from pipelines.telemetry import Served, Telemetry
from pipelines.wiring import assembled

RECORDS, SERIES, STEP_S = 420, 3, 10
Row = tuple[str, int, float, bool, bytes]


class Stopped(MemorySource):
    """A source at whose n-th record the process is told to stop."""

    def __init__(self, records: list[bytes], chunk_rows: int, last: int, committed: Checkpoint) -> None:
        super().__init__(records[:last], chunk_rows=chunk_rows, committed=committed)
        self.stop = threading.Event()
        self._left = last

    def poll(self, timeout_s: float) -> RawBatch | None:
        batch = super().poll(timeout_s)
        if batch is None or int(batch.offset[-1]) + 1 >= self._left:
            self.stop.set()
        return batch


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    import pandas as pd

    random = np.random.default_rng(0)
    load = np.sin(np.arange(600) / 9)
    values = np.stack([load, 1 - load], axis=1) + 0.05 * random.normal(size=(600, 2))
    frame = pd.DataFrame(values, columns=["flow", "pressure"]).assign(timestamp=STEP_S * np.arange(600))
    return fit(frame, DetectorConfig(members=(ProjectionMember(name="pca", window=8),)))


def _records() -> list[bytes]:
    """Three pumps in turns, with faults, gaps, held channels, late and repeated records, and rubbish.

    The last is silent for a while, in which another one comes and goes.
    """
    random = np.random.default_rng(1)
    records = []
    for i in range(RECORDS):
        step, pump = divmod(i, SERIES)
        load = float(np.sin(step / 9) + 0.05 * random.normal())
        name: int | str = pump if pump < 2 or not 50 <= step < 80 else "other"
        fault = 3.0 if (40 <= step < 50 and name in (0, 2)) or 90 <= step < 93 else 0.0
        record = {"id": f"p{name}", "timestamp": STEP_S * step, "flow": load, "pressure": 1 - load + fault}
        if random.random() < 0.2:
            record["timestamp"] -= STEP_S * int(random.integers(1, 4))
        if random.random() < 0.1:
            del record["flow"]
        records.append(b"rubbish" if random.random() < 0.03 else orjson.dumps(record))
    return records


def _settings(**sections: object) -> Settings:
    return Settings.model_validate(
        {"detector": {"bundle": "-"}, "source": {"kind": "memory"}, "decoder": {"kind": "wide", "entity": "id"}}
        | sections
    )


VARIATIONS = {
    "rows": _settings(scoring={"delay": 4}),
    "grid, late and out of order": _settings(
        scoring={"delay": 0}, grid={"alignment": "grid"}, align={"lateness_s": 25, "max_fill": 3}
    ),
    "evicting": _settings(scoring={"delay": 4}, align={"evict_after_s": 60}, alerts={"merge_gap_rows": 2}),
    "evicting on a grid": _settings(
        scoring={"delay": 4}, grid={"alignment": "grid"}, align={"evict_after_s": 60, "lateness_s": 25}
    ),
}


def _run(bundle: Bundle, settings: Settings, source: MemorySource, stop: threading.Event) -> MemorySink:
    sink = MemorySink()
    telemetry, clock = Telemetry("memory", "d", Served("1")), SystemClock()
    assembled(settings, bundle, source, [sink], telemetry, Health(clock), clock).run(stop)
    return sink


def _results(sinks: list[MemorySink]) -> tuple[dict[str, list[Row]], list[Alert], list[int]]:
    rows: dict[str, list[Row]] = {}
    for output in (output for sink in sinks for output in sink.outputs):
        d = output.decisions
        for i, key in enumerate(output.keys):
            row = key, int(d.time_ns[i]), float(d.anomaly_score[i]), bool(d.warming[i]), d.contribution[i].tobytes()
            rows.setdefault(key, []).append(row)
    letters = [letter.offset for sink in sinks for output in sink.outputs for letter in output.dead_letters]
    alerts = sorted((alert for sink in sinks for alert in sink.alerts), key=lambda a: (a.series, a.start_ns))
    return rows, alerts, letters


@pytest.mark.parametrize("settings_", VARIATIONS.values(), ids=VARIATIONS)
@settings(max_examples=10, deadline=None)
@given(cuts=st.lists(st.integers(1, RECORDS - 1), min_size=1, max_size=3, unique=True), chunk=st.integers(5, 200))
def test_stopping_at_any_record_changes_nothing(
    bundle: Bundle, settings_: Settings, cuts: list[int], chunk: int
) -> None:
    records = _records()
    whole = _results([_run(bundle, settings_, MemorySource(records, chunk_rows=64), threading.Event())])
    assert whole[1], "the faults must raise alerts"
    sinks, committed = [], Checkpoint()
    for last in sorted(cuts):
        source = Stopped(records, chunk, last, committed)
        sinks.append(_run(bundle, settings_, source, source.stop))
        committed = orjson_round_trip(source.committed())
    source = MemorySource(records, chunk_rows=chunk, committed=committed)
    sinks.append(_run(bundle, settings_, source, threading.Event()))
    found = _results(sinks)
    assert str(found[0]) == str(whole[0])
    assert found[1] == whole[1]
    assert found[2] == whole[2]


def orjson_round_trip(checkpoint: Checkpoint) -> Checkpoint:
    """What is committed must survive being written as JSON."""
    return Checkpoint(checkpoint.positions, orjson.loads(orjson.dumps(checkpoint.state)))
