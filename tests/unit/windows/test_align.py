"""Rows, merging, lateness, what is dropped and counted, and eviction."""

import numpy as np
import pytest
from alignment_cases import NAN, aligner, readings, same, table

from detector.errors import ConfigError
from detector.types import ReadingBatch
from detector.windows.schema import NS


def test_each_record_is_a_row_at_once_without_lateness() -> None:
    a = aligner(interval_s=2)
    samples = a.push(readings((1, 10), (1.5, 11, 3), (7, 12)))
    same(table(samples), [(1, 10, True), (1.5, 11, True), (7, 12, False)])
    assert samples.cell.tolist() == [0, 0, 3]
    assert samples.series.tolist() == [0, 3, 0]
    assert samples.offset.tolist() == [0, 1, 2]


def test_a_repeated_time_is_a_duplicate_and_an_earlier_one_late() -> None:
    a = aligner()
    same(table(a.push(readings((5, 1), (5, 2), (4, 3), (6, 4)))), [(5, 1, True), (6, 4, False)])
    assert (a.counters.readings, a.counters.duplicate, a.counters.late) == (4, 1, 1)


def test_lateness_puts_readings_in_order_and_merges_channels() -> None:
    a = aligner(gaps=("hold", "hold"), lateness_s=2)
    samples = a.push(readings((1, (1, NAN)), (3, (3, NAN)), (1, (NAN, 10)), (2, (2, 20)), (6, (6, 60))))
    same(table(samples), [(1, 1, 10, True), (2, 2, 20, False), (3, 3, 20, False)])
    assert samples.offset.tolist() == [0, 3, 1]
    same(table(a.flush()), [(6, 6, 60, False)])
    assert a.counters.late == a.counters.duplicate == 0


def test_a_reading_exactly_at_the_bound_still_counts() -> None:
    a = aligner(lateness_s=2)
    assert len(a.push(readings((1, 1), (3, 3)))) == 0
    same(table(a.push(readings((1, 9), (3.5, 4)))), [(1, 9, True)])


def test_of_two_values_in_a_cell_the_later_time_wins_and_of_equal_times_the_larger() -> None:
    a = aligner("grid", interval_s=10)
    same(table(a.push(readings((14, 4), (12, 2), (20, 0), (20, 7), (20, 3), (30, 1)))), [(10, 4, True), (20, 7, False)])
    assert a.counters.duplicate == 3


def test_a_cell_closes_at_its_end_plus_lateness() -> None:
    a = aligner("grid", interval_s=10, lateness_s=5)
    assert len(a.push(readings((3, 3), (14.9, 1)))) == 0
    same(table(a.push(readings((15, 5)))), [(0, 3, True)])
    assert len(a.push(readings((9, 9)))) == 0
    assert a.counters.late == 1


def test_infinite_values_are_missing_and_counted() -> None:
    a = aligner(gaps=("hold", "mask"))
    same(table(a.push(readings((0, (1, 1)), (1, (np.inf, -np.inf))))), [(0, 1, 1, True), (1, 1, NAN, False)])
    assert a.counters.nonfinite == 2


def test_an_absurd_future_is_dropped_and_does_not_close_the_present() -> None:
    a = aligner("grid", max_ahead_s=100)
    same(table(a.push(readings((0, 0), (5000, 9), (1, 1), (2, 2)))), [(0, 0, True), (1, 1, False)])
    assert a.counters.ahead == 1


def test_too_many_open_rows_close_the_oldest_early() -> None:
    a = aligner(lateness_s=100, max_open=2)
    same(table(a.push(readings((1, 1), (2, 2), (3, 3), (4, 4)))), [(1, 1, True), (2, 2, False)])
    assert a.counters.forced == 2


def test_a_lateness_that_cannot_be_kept_is_refused() -> None:
    with pytest.raises(ConfigError, match="raise max_open or lower lateness_s"):
        aligner("grid", lateness_s=100, max_open=50)


def test_evicted_series_are_named_once_and_begin_anew() -> None:
    a = aligner(evict_after_s=10)
    a.push(readings((0, 1, 0), (0, 2, 1), (10, 3, 1)))
    assert a.evict()[1].tolist() == []
    a.push(readings((11, 4, 1)))
    assert a.evict()[1].tolist() == [0]
    assert a.evict()[1].tolist() == []
    same(table(a.push(readings((12, 5, 0), (12, 6, 1)))), [(12, 5, True), (12, 6, False)])
    assert a.counters.evicted == 1


def test_a_silent_series_begins_anew_even_if_nobody_asked_for_evictions() -> None:
    a = aligner(evict_after_s=10)
    samples = a.push(readings((0, 1, 0), (11, 4, 1), (12, 5, 0)))
    assert samples.start.tolist() == [True, True, True]
    assert a.counters.evicted == 1


def test_the_open_rows_of_an_evicted_series_close_and_those_of_others_stay_open() -> None:
    a = aligner("grid", evict_after_s=10)
    a.push(readings((0, 1, 0), (50, 4, 1)))
    rows, series = a.evict()
    same(table(rows), [(0, 1, True)])
    assert series.tolist() == [0]
    same(table(a.flush()), [(50, 4, True)])


def test_an_idle_series_costs_little() -> None:
    assert aligner(gaps=("hold",) * 8).nbytes_per_series <= 200


def test_refuses_what_would_corrupt_memory() -> None:
    a = aligner()
    with pytest.raises(ValueError, match="negative"):
        a.push(readings((0, 1, -1)))
    with pytest.raises(ValueError, match="1 channels"):
        a.push(readings((0, (1, 2))))


def test_large_and_empty_polls() -> None:
    a = aligner()
    empty = ReadingBatch(*(np.empty((0, 1) if i == 2 else 0) for i in range(5)))
    assert a.push(empty).values.shape == (0, 1)
    n = 40_000
    batch = ReadingBatch(
        np.arange(n) % 700, np.arange(n) // 700 * NS, np.arange(n, dtype=float)[:, None], np.zeros(n), np.arange(n)
    )
    samples = a.push(batch)
    np.testing.assert_array_equal(samples.values[:, 0], np.arange(n))
    assert samples.start.sum() == 700
