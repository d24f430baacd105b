"""Hour and weekday as points on circles."""

import numpy as np
import pandas as pd
import pytest

from detector.windows.clock import COLUMNS, told


def at(moment: str) -> np.ndarray:
    return told(np.array([pd.Timestamp(moment).value]))[0]


def test_midnight_and_noon_lie_opposite() -> None:
    assert at("2026-03-02T00:00Z")[:2] == pytest.approx([0, 1], abs=1e-6)
    assert at("2026-03-02T12:00Z")[:2] == pytest.approx([0, -1], abs=1e-6)
    assert at("2026-03-02T06:00Z")[:2] == pytest.approx([1, 0], abs=1e-6)


def test_a_week_begins_on_monday_and_a_day_changes_it_at_midnight() -> None:
    assert at("2026-03-02T10:00Z")[2:] == pytest.approx([0, 1], abs=1e-6)
    assert np.array_equal(at("2026-03-02T00:00Z")[2:], at("2026-03-02T23:59Z")[2:])
    days = np.stack([at(f"2026-03-{day:02d}T10:00Z")[2:] for day in range(2, 10)])
    assert len(np.unique(days.round(4), axis=0)) == 7
    assert np.array_equal(days[0], days[7])


def test_any_shape_and_times_before_1970() -> None:
    times = np.array([[-1, 0], [10**18, 2 * 10**18]])
    assert told(times).shape == (2, 2, COLUMNS)
    assert np.allclose(np.square(told(times)).sum(axis=-1), 2)
