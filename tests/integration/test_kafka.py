"""The daemon beside a real Kafka: every result exactly once, whatever happens to the process."""

import random
import signal
import time
from collections.abc import Callable

import pytest
from bench import Bench, share

pytestmark = [pytest.mark.fault, pytest.mark.timeout(1200)]


def test_every_result_is_there_once_and_a_restart_goes_on(bench: Bench, pumps: Callable) -> None:
    records = pumps(300)
    bench.produce(records[:1200])
    first = bench.start()
    bench.verify()
    bench.strikes("restart")
    first.send_signal(signal.SIGTERM)
    assert first.wait(30) == 0, bench.told()
    bench.produce(records[1200:])
    bench.start()
    bench.wait_for_commit()
    bench.verify()


def test_kill_9_loses_nothing_and_doubles_nothing(bench: Bench, pumps: Callable) -> None:
    records, chance = pumps(500), random.Random(0)
    for at in range(0, len(records), 1000):
        bench.produce(records[at : at + 1000])
        daemon = bench.start(instance="one")
        bench.wait_for_progress()
        time.sleep(chance.uniform(0.0, 0.2))
        bench.strikes("kill -9 mid-transaction, three times")
        daemon.kill()
        daemon.wait()
    bench.start(instance="one")
    bench.verify()


@pytest.mark.chaos
def test_kill_9_at_random_moments_under_load(bench: Bench, pumps: Callable) -> None:
    records, chance = pumps(share(1500)), random.Random(1)
    size = -(-len(records) // 6)
    for at in range(0, len(records), size):
        with bench.feeding(records[at : at + size]):
            daemon = bench.start(instance="one")
            bench.wait_for_progress()
            time.sleep(chance.uniform(0.0, 3.0))
            bench.strikes("kill -9 at six random moments, under load")
            daemon.kill()
            daemon.wait()
    bench.start(instance="one")
    bench.verify()


@pytest.mark.chaos
def test_a_frozen_member_loses_its_partitions_and_comes_back_without_harm(bench: Bench, pumps: Callable) -> None:
    records = pumps(share(600))
    half = len(records) // 2
    bench.produce(records[:half])
    frozen, _ = bench.start(), bench.start()
    bench.wait_for_progress()
    bench.strikes("frozen for 10 s, session 6 s")
    frozen.send_signal(signal.SIGSTOP)
    with bench.feeding(records[half:]):
        bench.wait_for_commit()
        time.sleep(max(0.0, 10.0 - bench.since_strike()))
        frozen.send_signal(signal.SIGCONT)
    bench.verify()


@pytest.mark.chaos
@pytest.mark.parametrize("assignor", ["cooperative-sticky", "range"])
def test_members_come_and_go_under_load(
    assignor: str, kafka: str, bench_at: Callable[..., Bench], pumps: Callable
) -> None:
    bench = bench_at(kafka, partitions=4)
    bench.tree["source"]["assignor"] = assignor
    records, chance = pumps(share(600, 12), 4), random.Random(2)
    size = len(records) // 5
    for turn, members in enumerate((2, 4, 2, 4, 2)):
        before = bench.committed()
        with bench.feeding(records[turn * size : (turn + 1) * size if turn < 4 else None]):
            bench.strikes(f"members 2 <-> 4, {assignor}")
            while len(living := [daemon for daemon in bench.daemons if daemon.poll() is None]) < members:
                bench.start()
            for leaver in chance.sample(living, len(living) - members):
                leaver.send_signal(chance.choice([signal.SIGTERM, signal.SIGKILL]))
                leaver.wait(60)
            bench.wait_for_commit(before)
    bench.verify()
