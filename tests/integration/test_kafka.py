"""The daemon beside a real Kafka: every result exactly once, whatever happens to the process."""

import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from oracle import Bench

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def bench(kafka: str, bundle: Path, tmp_path: Path) -> Iterator[Bench]:
    with Bench(kafka, bundle, tmp_path) as bench:
        yield bench


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
    records, chance = pumps(500), random.Random(0)
    for at in range(0, len(records), 1000):
        bench.produce(records[at : at + 1000])
        daemon = bench.start(instance="one")
        bench.wait_for_progress()
        time.sleep(chance.uniform(0.0, 0.2))
        daemon.kill()
        daemon.wait()
    bench.start(instance="one")
    bench.verify()


@pytest.mark.chaos
def test_a_frozen_member_loses_its_partitions_and_comes_back_without_harm(bench: Bench, pumps: Callable) -> None:
    records = pumps(600)
    bench.produce(records[:1200])
    frozen, _ = bench.start(), bench.start()
    bench.wait_for_progress()
    frozen.send_signal(signal.SIGSTOP)
    bench.produce(records[1200:2400])
    time.sleep(10)  # its session ends after 6 s
    frozen.send_signal(signal.SIGCONT)
    bench.produce(records[2400:])
    bench.verify()


@pytest.mark.chaos
def test_partitions_move_between_members_under_load(bench: Bench, pumps: Callable) -> None:
    records = pumps(900)
    chance = random.Random(1)
    for at in range(0, len(records), 900):
        bench.produce(records[at : at + 900])
        bench.start()
        bench.wait_for_progress()
        living = [daemon for daemon in bench.daemons if daemon.poll() is None]
        if len(living) > 2:
            leaver = chance.choice(living)
            leaver.send_signal(chance.choice([signal.SIGTERM, signal.SIGKILL]))
            leaver.wait(60)
    bench.verify()
