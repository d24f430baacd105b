import threading

import pytest

from pipelines.clock import SystemClock
from pipelines.stream.health import Health
from pipelines.stream.watchdog import Watchdog


class ManualClock(SystemClock):
    time_s = 0.0

    def monotonic_s(self) -> float:
        return self.time_s


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def test_failing_commits_make_it_unready_but_not_dead(clock: ManualClock) -> None:
    health = Health(clock, stale_s=30)
    health.ready()
    health.aborted()
    clock.time_s = 31
    health.beat()
    health.aborted()
    assert health.not_ready() == "nothing could be committed for 31 s"
    assert health.dead() == ""
    health.committed()
    assert health.not_ready() == ""


def test_one_commit_ends_the_count_of_failures(clock: ManualClock) -> None:
    health = Health(clock)
    health.aborted()
    health.committed()
    clock.time_s = 1000
    health.beat()
    assert health.stuck(600) == ""


def test_a_loop_that_ended_on_purpose_is_unready_and_alive_for_ever(clock: ManualClock) -> None:
    health = Health(clock, stale_s=30)
    health.ready()
    health.halt("too many dead letters")
    clock.time_s = 10_000
    assert health.not_ready() == "too many dead letters"
    assert health.dead() == ""
    assert health.stuck(600) == ""


def test_the_watchdog_says_what_the_loop_was_doing(clock: ManualClock) -> None:
    told, ended = [], threading.Event()

    def end(sentence: str) -> None:
        told.append(sentence)
        ended.set()

    health = Health(clock)
    watchdog = Watchdog(health, 0.1, end)
    watchdog.start()
    assert not ended.wait(0.1), "nothing is wrong yet"
    clock.time_s = 601
    assert ended.wait(10)
    assert told[0].startswith("the loop gave no sign for 601 s (it is in ")
    assert "threading.py" in told[0]
