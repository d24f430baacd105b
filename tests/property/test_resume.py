"""Stopping at any record and going on gives the results of an uninterrupted run, bit for bit."""

import threading

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pumps import RECORDS, VARIATIONS, fitted, records

from detector.alerting.alert import Alert
from detector.bundle import Bundle
from detector.members.projection import ProjectionMember
from pipelines.clock import SystemClock
from pipelines.io.base import Checkpoint, RawBatch
from pipelines.io.sinks.memory import MemorySink
from pipelines.io.sources.memory import MemorySource
from pipelines.settings import Settings
from pipelines.stream.health import Health
from pipelines.telemetry import Served, Telemetry
from pipelines.wiring import assembled

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
    return fitted(ProjectionMember(name="pca", window=8))


def _run(bundle: Bundle, settings: Settings, source: MemorySource, stop: threading.Event) -> MemorySink:
    sink = MemorySink()
    telemetry, clock = Telemetry("memory", "d", Served("1")), SystemClock()
    assembled(settings, bundle, source, [sink], telemetry, Health(clock), clock).run(stop)
    return sink


def _results(sinks: list[MemorySink]) -> tuple[dict[str, list[Row]], list[Alert], list[int]]:
    rows: dict[str, list[Row]] = {}
    for output in (output for sink in sinks for output in sink.outputs):
        d = output.decisions
        for i, key in enumerate(output.names):
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
    log = records()
    whole = _results([_run(bundle, settings_, MemorySource(log, chunk_rows=64), threading.Event())])
    assert whole[1], "the faults must raise alerts"
    sinks, committed = [], Checkpoint()
    for last in sorted(cuts):
        source = Stopped(log, chunk, last, committed)
        sinks.append(_run(bundle, settings_, source, source.stop))
        committed = orjson_round_trip(source.committed())
    source = MemorySource(log, chunk_rows=chunk, committed=committed)
    sinks.append(_run(bundle, settings_, source, threading.Event()))
    found = _results(sinks)
    assert str(found[0]) == str(whole[0])
    assert found[1] == whole[1]
    assert found[2] == whole[2]


def orjson_round_trip(checkpoint: Checkpoint) -> Checkpoint:
    """What is committed must survive being written as JSON."""
    return Checkpoint(checkpoint.positions, orjson.loads(orjson.dumps(checkpoint.state)))
