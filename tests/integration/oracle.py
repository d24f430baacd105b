"""Tells whether every result is there exactly once: the same log is scored again, without Kafka, and compared."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from kafka.consumer.fetcher import ConsumerRecord

from detector.bundle import Bundle
from pipelines.clock import SystemClock
from pipelines.io.base import RawBatch
from pipelines.io.sinks.memory import MemorySink
from pipelines.io.sources.memory import MemorySource
from pipelines.settings import Settings
from pipelines.stream.health import Health
from pipelines.telemetry import Served, Telemetry
from pipelines.wiring import assembled

Logs = Mapping[int, Sequence[ConsumerRecord]]
"""Records by partition."""


class Row(NamedTuple):
    series: str
    time_ns: int
    score: float | None
    warming: bool


class Results(NamedTuple):
    """By partition: scores in order, alerts as (id, state) in order, offsets of dead letters in order."""

    scores: dict[int, list[Row]]
    alerts: dict[int, list[tuple[str, str]]]
    dead_letters: dict[int, list[int]]


class Verdict(NamedTuple):
    """How far what was found is from what was expected; all zero if every list is the same, in order too."""

    missing: int
    double: int
    wrong: int
    detail: str


class Stopped(MemorySource):
    """Ends without the results that only an end of the input gives: a topic has none."""

    def __init__(self, records: Sequence[ConsumerRecord]) -> None:
        times_ns = np.array([r.timestamp * 10**6 for r in records], np.int64)
        keys = [r.key.decode() if r.key else None for r in records]
        super().__init__([r.value or b"" for r in records], keys, timestamp_ns=times_ns)
        self.stop = threading.Event()

    def poll(self, timeout_s: float) -> RawBatch | None:
        batch = super().poll(timeout_s)
        if batch is None or batch.offset[-1] + 1 == len(self._log):
            self.stop.set()
        return batch


def expected(readings: Logs, settings: Settings, bundle: Bundle) -> Results:
    """Scores every partition of the input on its own, from its first record on."""
    results = Results({}, {}, {})
    for partition, records in readings.items():
        sink = MemorySink()
        if records:
            source, clock = Stopped(records), SystemClock()
            telemetry = Telemetry("memory", settings.detector.name, Served("1"))
            assembled(settings, bundle, source, [sink], telemetry, Health(clock), clock).run(source.stop)
        results.scores[partition] = [
            Row(key, time_ns, None if score != score else score, warming)
            for output in sink.outputs
            for key, time_ns, score, warming in zip(
                output.names,
                output.decisions.time_ns.tolist(),
                output.decisions.anomaly_score.tolist(),
                output.decisions.warming.tolist(),
                strict=True,
            )
        ]
        results.alerts[partition] = [(alert.id, alert.state) for alert in sink.alerts]
        results.dead_letters[partition] = [x.offset for output in sink.outputs for x in output.dead_letters]
    return results


def found(scores: Logs, alerts: Logs, dead_letters: Logs) -> Results:
    """Takes what a reader of the output topics sees, whether scores come in batches or one by one."""

    def each(logs: Logs, take: Callable[[Any], list[Any]]) -> dict[int, list[Any]]:
        return {partition: [x for r in log for x in take(json.loads(r.value))] for partition, log in logs.items()}

    return Results(
        each(scores, _rows),
        each(alerts, lambda x: [(x["id"], x["state"])]),
        each(dead_letters, lambda x: [x["offset"]]),
    )


def _rows(record: Mapping[str, Any]) -> list[Row]:
    if "keys" not in record:
        return [Row(*(record[name] for name in ("series", "time_ns", "anomaly_score", "warming")))]
    columns = (record[name] for name in ("rows", "step_ns", "series", "time_ns", "anomaly_score", "warming"))
    return [
        Row(record["keys"][series], time_ns + row * step_ns, *told)
        for rows, step_ns, series, time_ns, *told in zip(*columns, strict=True)
        for row in range(rows)
    ]


def judged(ours: Results, theirs: Results) -> Verdict:
    """Compares what was found with what was expected."""
    missing, double, wrong, detail = 0, 0, 0, []
    for kind in Results._fields:
        for partition, wanted in getattr(theirs, kind).items():
            have = getattr(ours, kind)[partition]
            if have == wanted:
                continue
            lacking = Counter(map(_identity, wanted)) - Counter(map(_identity, have))
            surplus = Counter(map(_identity, have)) - Counter(map(_identity, wanted))
            changed = (Counter(have) - Counter(wanted)).total() - surplus.total()
            misplaced = 0 if lacking or surplus or changed else sum(a != b for a, b in zip(have, wanted, strict=True))
            missing, double, wrong = missing + lacking.total(), double + surplus.total(), wrong + changed + misplaced
            detail.append(
                f"{kind} of partition {partition}: {len(have)} instead of {len(wanted)}, missing {_some(lacking)}, "
                f"double or unexpected {_some(surplus)}, wrong {_some(Counter(have) - Counter(wanted))}"
            )
    return Verdict(missing, double, wrong, "\n".join(detail))


def _identity(result: Any) -> Hashable:
    """What must be there once, whatever it says."""
    return result[:2] if isinstance(result, Row) else result


def _some(results: Counter[Any]) -> str:
    return f"{results.total()} {sorted(map(str, results))[:3]}"
