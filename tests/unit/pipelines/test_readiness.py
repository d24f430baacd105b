"""Every reason of the loop for not being ready, and what ends it."""

from collections.abc import Mapping

import numpy as np
import pytest

from pipelines.clock import SystemClock
from pipelines.io.base import Beginning, Checkpoint, Position, RawBatch
from pipelines.stream.health import Health
from pipelines.stream.readiness import LEAST_RECORDS, PERIOD_S, SAMPLES, Readiness


class ManualClock(SystemClock):
    time_s = 0.0

    def monotonic_s(self) -> float:
        return self.time_s


def batch(
    offsets: range = range(0),
    begun: Mapping[int, Beginning] | None = None,
    waiting: Mapping[int, int] | None = None,
    ended: tuple[int, ...] = (),
    assigned: bool = True,
) -> RawBatch:
    count = len(offsets)
    return RawBatch(
        [b"{}"] * count,
        [None] * count,
        np.zeros(count, np.int32),
        np.array(offsets, np.int64),
        np.zeros(count, np.int64),
        begun=begun or {},
        ended=ended,
        waiting=waiting or {},
        assigned=assigned,
    )


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def health(clock: ManualClock) -> Health:
    health = Health(clock)
    health.ready()
    return health


def begins(next_offset: int, rewind_offset: int) -> dict[int, Beginning]:
    return {0: Beginning(Checkpoint({0: Position(next_offset, rewind_offset)}), 0, "", print)}


def test_without_an_assignment_it_is_not_ready(health: Health, clock: ManualClock) -> None:
    readiness = Readiness(health, clock)
    readiness.polled(batch(assigned=False))
    assert health.not_ready() == "no partition is assigned yet"
    readiness.polled(batch())
    assert health.not_ready() == ""


def test_it_is_ready_once_the_windows_are_as_before_the_restart(health: Health, clock: ManualClock) -> None:
    readiness = Readiness(health, clock)
    readiness.polled(batch(begun=begins(100, 40), waiting={}))
    assert health.not_ready() == "windows of 1 partitions are being read again"
    readiness.polled(batch(range(40, 99), waiting={0: 500}))
    assert "read again" in health.not_ready()
    readiness.polled(batch(range(99, 120), waiting={0: 480}))
    assert health.not_ready() == ""


@pytest.mark.parametrize("then", [batch(waiting={0: 0}), batch(ended=(0,))])
def test_nothing_left_to_read_ends_the_rebuilding(health: Health, clock: ManualClock, then: RawBatch) -> None:
    readiness = Readiness(health, clock)
    readiness.polled(batch(begun=begins(100, 40)))
    readiness.polled(then)
    assert health.not_ready() == ""


def test_a_partition_that_begins_with_nothing_to_read_again_is_ready(health: Health, clock: ManualClock) -> None:
    Readiness(health, clock).polled(batch(begun=begins(100, 100)))
    assert health.not_ready() == ""


def polled_with(lags: list[int], health: Health, clock: ManualClock) -> None:
    readiness = Readiness(health, clock)
    for lag in lags:
        readiness.polled(batch(waiting={0: lag}))
        clock.time_s += PERIOD_S / SAMPLES
        health.beat()


def test_a_lag_that_grows_for_minutes_makes_it_unready(health: Health, clock: ManualClock) -> None:
    polled_with([LEAST_RECORDS * (1 + at) for at in range(SAMPLES)], health, clock)
    assert health.not_ready() == "the lag grew from 10000 to 100000 records within 300 s"


@pytest.mark.parametrize(
    "lags",
    [
        [LEAST_RECORDS * (SAMPLES - at) for at in range(SAMPLES)],  # catching up
        [LEAST_RECORDS] * SAMPLES,  # behind, and steady
        list(range(SAMPLES)),  # growing, and small
        [LEAST_RECORDS * (1 + at) for at in range(SAMPLES - 1)],  # not for long enough
    ],
    ids=["falling", "steady", "small", "short"],
)
def test_other_lags_are_no_reason(lags: list[int], health: Health, clock: ManualClock) -> None:
    polled_with(lags, health, clock)
    assert health.not_ready() == ""
