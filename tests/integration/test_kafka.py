"""The daemon beside a real Kafka: every result exactly once, whatever happens to the process."""

import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pandas as pd
import pytest
from oracle import Bench, Record

Stream = Callable[[int, int], pd.DataFrame]


@pytest.fixture
def bench(kafka: str, bundle: Path, tmp_path: Path) -> Iterator[Bench]:
    with Bench(kafka, bundle, tmp_path) as bench:
        yield bench


@pytest.fixture
def pumps(stream: Stream) -> Callable[[int, int], list[Record]]:
    """Gives readings of three pumps per partition, in turns, with a record now and then that cannot be read."""

    def make(rows: int, partitions: int = 2) -> list[Record]:
        frames = {(p, s): stream(rows, 10 * p + s).to_dict("records") for p in range(partitions) for s in range(3)}
        records = []
        for row in range(rows):
            for (partition, pump), readings in frames.items():
                value = b"rubbish" if (row + pump) % 97 == 50 else orjson.dumps(readings[row])
                records.append(Record(partition, f"pump-{pump}", value))
        return records

    return make


def test_every_result_is_there_once_and_a_restart_goes_on(bench: Bench, pumps: Callable) -> None:
    records = pumps(300)
    bench.produce(records[:1200])
    first = bench.start()
    bench.verify()
    first.send_signal(signal.SIGTERM)
    assert first.wait(30) == 0, bench.told()
    bench.produce(records[1200:])
    bench.start()
    bench.verify()


def test_kill_9_loses_nothing_and_doubles_nothing(bench: Bench, pumps: Callable) -> None:
    records, chance = pumps(900), random.Random(0)
    for at in range(0, len(records), 1000):
        bench.produce(records[at : at + 1000])
        daemon = bench.start(instance="one")
        bench.wait_for_progress()
        time.sleep(chance.uniform(0.0, 0.2))
        daemon.kill()
        daemon.wait()
    bench.start(instance="one")
    bench.verify()
