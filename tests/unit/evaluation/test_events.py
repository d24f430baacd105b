import numpy as np
import pytest

from detector.evaluation.events import intervals, match


def test_intervals_of_flags() -> None:
    assert intervals([1, 1, 0, 0, 1, 0, 1]).tolist() == [[0, 2], [4, 5], [6, 7]]
    assert intervals([]).shape == intervals([0, 0]).shape == (0, 2)


def test_counts_and_delays() -> None:
    events = np.array([[10, 20], [40, 50], [80, 90]])
    alarms = np.array([[5, 12], [15, 16], [44, 60], [65, 70]])
    result = match(events, alarms)
    assert (result.detected, result.correct, result.delay_rows) == (2, 3, (0, 4))
    assert result.precision == pytest.approx(3 / 4)
    assert result.recall == pytest.approx(2 / 3)
    assert result.median_delay_rows == 2.0


def test_touching_is_not_overlapping_unless_tolerated() -> None:
    events, alarms = np.array([[10, 20]]), np.array([[5, 10], [20, 25]])
    assert match(events, alarms).detected == 0
    late = match(events, alarms, tolerance_rows=1)
    assert (late.detected, late.correct, late.delay_rows) == (1, 1, (10,))


def test_agrees_with_counting_row_by_row() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        truth, alarm = rng.random(60) < 0.3, rng.random(60) < 0.2
        result = match(intervals(truth), intervals(alarm))
        assert result.detected == sum(alarm[a:b].any() for a, b in intervals(truth))
        assert result.correct == sum(truth[a:b].any() for a, b in intervals(alarm))
        delays = tuple(int(np.argmax(alarm[a:b])) for a, b in intervals(truth) if alarm[a:b].any())
        assert result.delay_rows == delays


def test_nothing_to_find_and_nothing_found() -> None:
    none = np.empty((0, 2), int)
    result = match(none, none)
    assert np.isnan([result.precision, result.recall, result.median_delay_rows]).all()
