"""What stands in for missing values, by the policy of the channel."""

import numpy as np
import pytest
from alignment_cases import NAN, aligner, readings, same, table


def rows(a, *batch):  # type: ignore[no-untyped-def]
    return table(a.push(readings(*batch))) + table(a.flush())


def test_missing_cells_are_filled_by_policy() -> None:
    a = aligner("grid", ("hold", "linear", "mask"))
    got = rows(a, (0, (1, 10, 5)), (3, (2, 40, 6)))
    same(got, [(0, 1, 10, 5, True), (1, 1, 20, NAN, False), (2, 1, 30, NAN, False), (3, 2, 40, 6, False)])
    assert a.counters.filled == 2


def test_a_filled_row_bears_the_offset_of_the_row_that_closed_it() -> None:
    a = aligner("grid")
    samples = a.push(readings((0, 1), (3, 2), (4, 3)))
    assert samples.offset.tolist() == [0, 1, 1, 1]
    assert samples.cell.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("alignment", ["rows", "grid"])
def test_a_channel_missing_in_a_row_is_held_or_masked(alignment: str) -> None:
    a = aligner(alignment, ("hold", "linear", "mask"))
    got = rows(a, (0, (NAN, 1, 1)), (1, (5, NAN, NAN)), (2, (NAN, 3, 3)))
    same(got, [(0, NAN, 1, 1, True), (1, 5, 1, NAN, False), (2, 5, 3, 3, False)])


def test_a_linear_channel_without_a_value_at_the_far_end_is_held() -> None:
    got = rows(aligner("grid", ("linear", "hold")), (0, (1, 1)), (2, (NAN, 2)))
    same(got, [(0, 1, 1, True), (1, 1, 1, False), (2, 1, 2, False)])


def test_a_record_without_values_is_a_row_but_no_grid_cell() -> None:
    batch = ((0, 1), (1, NAN), (2, 3))
    same(rows(aligner("rows", ("linear",)), *batch), [(0, 1, True), (1, 1, False), (2, 3, False)])
    same(rows(aligner("grid", ("linear",)), *batch), [(0, 1, True), (1, 2, False), (2, 3, False)])


def test_held_values_expire() -> None:
    got = rows(aligner("grid", hold_limit_s=2), (0, 1), (4, 2))
    same(got, [(0, 1, True), (1, 1, False), (2, 1, False), (3, NAN, False), (4, 2, False)])


def test_a_gap_longer_than_max_fill_begins_a_new_run() -> None:
    a = aligner("grid", ("hold", "hold"), max_fill=2)
    same(rows(a, (0, (1, 1)), (3, (2, 2)), (7, (3, NAN)))[3:], [(3, 2, 2, False), (7, 3, NAN, True)])
    assert (a.counters.filled, a.counters.broken) == (2, 1)


@pytest.mark.parametrize("alignment", ["rows", "grid"])
def test_break_after_begins_a_new_run(alignment: str) -> None:
    a = aligner(alignment, break_after_s=5, max_fill=0 if alignment == "rows" else 64)
    got = rows(a, (0, 1), (5, 2), (11, 3))
    assert [row[0] for row in got if row[-1]] == [0, 11]
    assert a.counters.broken == 1


def test_rows_alignment_invents_nothing() -> None:
    a = aligner("rows")
    same(rows(a, (0, 1), (1000, 2)), [(0, 1, True), (1000, 2, False)])
    assert a.counters.filled == a.counters.broken == 0


def test_a_breaking_channel_begins_anew_when_it_returns() -> None:
    a = aligner("rows", ("break", "hold"))
    got = rows(a, (0, (NAN, 1)), (1, (1, 1)), (2, (NAN, 1)), (3, (NAN, 2)), (4, (4, NAN)), (5, (5, 5)))
    expected = [(0, NAN, 1, True), (1, 1, 1, False), (2, NAN, 1, False), (3, NAN, 2, False), (4, 4, NAN, True)]
    same(got, [*expected, (5, 5, 5, False)])
    assert a.counters.broken == 1


def test_a_missing_cell_breaks_a_series_with_a_breaking_channel() -> None:
    same(rows(aligner("grid", ("break",)), (0, 1), (1, 2), (3, 3)), [(0, 1, True), (1, 2, False), (3, 3, True)])


def test_times_before_1970_fall_into_cells_too() -> None:
    got = rows(aligner("grid", interval_s=10), (-15, 1), (-1, 2))
    same(got, [(-20, 1, True), (-10, 2, False)])
    assert np.isfinite(np.array(got, float)).all()
