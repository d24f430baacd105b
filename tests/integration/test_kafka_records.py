"""Records as they should not be, or in masses: each scored once, the odd ones told, and nobody else disturbed."""

import json
import random
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import orjson
import pytest
from bench import SCALE, Bench, Record, share
from oracle import expected
from tools import tool

from detector.bundle import load
from pipelines.settings import Settings

pytestmark = [pytest.mark.fault, pytest.mark.timeout(1200)]

POISON = {
    "bad JSON": b'{"timestamp": 1700000000, "flow": ',
    "no object": b"[1, 2, 3]",
    "wrong types": b'{"timestamp": {"s": 1}, "flow": [1], "pressure": true, "current": "much"}',
    "no such time": b'{"timestamp": "soon", "flow": 1, "pressure": 1, "current": 1}',
    "no channel": b'{"timestamp": 1700000000, "head": 1}',
    "not text": bytes(range(256)),
    "empty": b"",
    "64 levels deep": b'{"timestamp": 1700000000, "flow": ' + b"[" * 64 + b"]" * 64 + b"}",
    "1,100 levels deep": b"[" * 1100 + b"]" * 1100,
    "8 MB": b'{"timestamp": 1700000000, "note": "' + b"x" * (8 << 20) + b'"}',
}


def edited(records: Sequence[Record], change: Callable[[int, Record, dict], object]) -> list[Record]:
    """Lets ``change`` edit the readings (place, record, reading) that can be read; None leaves a record out."""
    found = []
    for at, record in enumerate(records):
        if record.value == b"rubbish":
            found.append(record)
            continue
        reading = orjson.loads(record.value)
        result = change(at, record, reading)
        if result is not None:
            found.append(record._replace(value=result if isinstance(result, bytes) else orjson.dumps(result)))
    return found


def lived(bench: Bench, records: Sequence[Record], fault: str) -> None:
    """Lets a daemon score the records and judges it."""
    bench.strikes(fault)
    bench.start()
    bench.produce(records)
    bench.verify()


def untouched(bench: Bench, clean: Sequence[Record], odd: str) -> None:
    """Compares the scores of every other series with those it gets where nothing is odd, bit for bit."""
    settings, bundle = Settings.model_validate(bench.tree), load(Path(bench.tree["detector"]["bundle"]))
    found = bench.found().scores
    for partition in range(bench.partitions):
        alone = [record for record in clean if record.partition == partition and record.key != odd]
        (theirs,) = expected({0: [Message(r.value, r.key.encode()) for r in alone]}, settings, bundle).scores.values()
        assert [row for row in found[partition] if row.series != odd] == theirs


class Message(NamedTuple):
    """What the oracle reads of a record."""

    value: bytes
    key: bytes
    timestamp: int = 0


def test_every_kind_of_poison_becomes_a_dead_letter(
    kafka: str, bench_at: Callable[..., Bench], pumps: Callable
) -> None:
    bench = bench_at(kafka, **{"max.message.bytes": 16 << 20})
    poison = [Record(at % 2, "pump-0", value) for at, value in enumerate(POISON.values())]
    records = pumps(100)
    records[300:300] = poison
    lived(bench, records, "poison: ten kinds")
    letters = [json.loads(record.value) for log in bench.logs("dead").values() for record in log]
    rubbish = sum(record.value == b"rubbish" for record in records)
    assert len(letters) == rubbish + len(poison)
    assert all(
        letter["reason"] and letter["detail"] and letter["topic"] == bench.topic("readings") for letter in letters
    )
    assert max(len(record.value) for log in bench.logs("dead").values() for record in log) <= 1 << 20


@pytest.mark.chaos
def test_late_repeated_and_shuffled_readings(bench: Bench, pumps: Callable) -> None:
    """Shuffled within the allowed lateness nothing is lost; beyond it readings are dropped and counted."""
    chance = random.Random(3)
    bench.tree["align"] = {"lateness_s": 600}
    clean = [record for record in pumps(share(600)) if record.value != b"rubbish"]
    order = sorted(range(len(clean)), key=lambda at: at + chance.uniform(0, 30))  # five rows of six series: 300 s
    records = [clean[at] for at in order]
    for at in range(0, len(records), 7):
        records.insert(chance.randint(at, min(at + 20, len(records))), records[at])
    stragglers = [clean[at] for at in range(0, len(clean) - 400, 50)]
    records += stragglers
    lived(bench, records, "late, repeated, shuffled")
    for partition, rows in bench.found().scores.items():
        assert Counter(row[:2] for row in rows).most_common(1)[0][1] == 1
        wanted = {json.loads(r.value)["timestamp"] for r in clean if r.partition == partition}
        newest = max(wanted) - 600 - 60 * 5
        assert {row.time_ns // 10**9 for row in rows} >= {time_s for time_s in wanted if time_s < newest}
    assert bench.metric("late_records_total") >= len(stragglers)


@pytest.mark.chaos
def test_values_that_are_none_and_gaps_in_time(bench: Bench, pumps: Callable) -> None:
    clean = pumps(share(600))

    def spoil(at: int, record: Record, reading: dict) -> object:
        if record.key != "pump-1":
            return reading
        if at % 11 == 0:
            return None  # a gap
        if at % 7 == 0:
            reading["flow"] = None
        if at % 13 == 0:
            reading |= dict.fromkeys(("flow", "pressure", "current"))
        text = orjson.dumps(reading)
        if at % 5 == 0:
            text = re.sub(rb'"pressure":[^,}]+', b'"pressure":"NaN"', text)
        if at % 17 == 0:
            text = re.sub(rb'"current":[^,}]+', b'"current":"-inf"', text)
        return text

    lived(bench, edited(clean, spoil), "NaN, infinities, nulls, gaps")
    scores = [row.score for rows in bench.found().scores.values() for row in rows]
    assert all(score is None or np.isfinite(score) for score in scores)
    untouched(bench, clean, "pump-1")


@pytest.mark.chaos
def test_a_channel_comes_and_another_goes(bench: Bench, pumps: Callable) -> None:
    clean = pumps(share(600))

    def drift(at: int, record: Record, reading: dict) -> object:
        if record.key == "pump-1" and at > len(clean) // 3:
            reading["temperature"] = 20.0
        if record.key == "pump-1" and at > len(clean) // 2:
            del reading["flow"]
        return reading

    lived(bench, edited(clean, drift), "schema drift of one series")
    untouched(bench, clean, "pump-1")


@pytest.mark.chaos
def test_one_key_has_nine_tenths_of_the_records(bench: Bench, pumps: Callable) -> None:
    hot = [record for record in pumps(share(3000, 2), 1) if record.key == "pump-0"]
    calm = [record for record in pumps(len(hot) // 18, 1) if record.key != "pump-0"]
    records = list(hot)
    for at, record in enumerate(calm):
        records.insert(at * len(hot) // len(calm), record._replace(partition=0))
    daemon = bench.start()
    bench.produce(records[: len(records) // 4])
    bench.strikes("hot key: 90% on one")
    bench.wait_until_done(600)
    before = resident_mb(daemon)
    bench.produce(records[len(records) // 4 :])
    bench.verify()
    assert resident_mb(daemon) < before + 40
    scored = Counter(row.series for row in bench.found().scores[0])
    assert scored["pump-0"] > 8 * (scored["pump-1"] + scored["pump-2"])


@pytest.mark.chaos
def test_a_backlog_is_caught_up_with_in_flat_memory_and_without_leaving_the_group(
    bench: Bench, pumps: Callable
) -> None:
    bench.tree["source"]["max_poll_records"] = 2000
    bench.produce(pumps(6 * share(1500)))
    bench.strikes("catch-up with a backlog")
    daemon, seen = bench.start(), []
    total = bench.written("readings")
    while (done := bench.committed()) < total:
        if done > total // 5:
            seen.append(resident_mb(daemon))
        bench.alive()
        time.sleep(0.5)
    bench.verify()
    assert bench.metric("rebalances_total") == 1, "it was thrown out of the group"
    assert not seen or max(seen) < 1.15 * seen[0], seen


@pytest.mark.chaos
def test_thousands_of_series_alarm_at_once(bench: Bench, pumps: Callable) -> None:
    bench.tree["source"]["max_poll_records"] = 2000
    readings = [orjson.loads(r.value) for r in pumps(40, 1) if r.key == "pump-0" and r.value != b"rubbish"][:22]
    for reading in readings[14:]:
        reading["flow"] += 40.0
    series = 5000 if SCALE else 500
    records = [
        Record(partition, f"pump-{partition}-{number}", orjson.dumps(reading))
        for reading in readings
        for partition in range(2)
        for number in range(series)
    ]
    lived(bench, records, f"alert flood: {2 * series:,} series at once")
    firing = {alert for log in bench.found().alerts.values() for alert in log if alert[1] == "firing"}
    assert len(firing) == 2 * series


@pytest.mark.chaos
@pytest.mark.parametrize("skew", ["+370d", "-3h"])
def test_the_clock_of_the_machine_is_wrong(skew: str, bench: Bench, pumps: Callable) -> None:
    records = pumps(share(300))
    bench.strikes(f"clock {skew}")
    bench.produce(records[: len(records) // 2])
    first = bench.start(instance="one")
    bench.wait_for_progress()
    first.kill()
    first.wait()
    bench.start(instance="one", under=(tool("faketime"), "-f", skew))
    bench.produce(records[len(records) // 2 :])
    bench.verify()


def resident_mb(daemon: subprocess.Popen[bytes]) -> float:
    if sys.platform != "linux":
        pytest.skip("memory is read from /proc")
    return int(re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{daemon.pid}/status").read_text())[0]) / 1024
