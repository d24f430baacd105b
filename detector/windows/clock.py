"""What the clock on the wall says of a row: its hour and its weekday, each as a point on a circle."""

import numpy as np

from detector.types import Floats, Ints

COLUMNS = 4
"""Sine and cosine of the hour, then of the weekday; all are 0 where the time is not known."""

_HOUR_NS = 3_600 * 1_000_000_000
_DAY_HOURS, _WEEK_DAYS, _FIRST_WEEKDAY = 24, 7, 3  # 1970-01-01 was a Thursday


def told(time_ns: Ints) -> Floats:
    """Returns hour and weekday in UTC of every time, [...] int64 to [..., 4] float32."""
    hours = np.asarray(time_ns, np.int64) / _HOUR_NS
    day = 2 * np.pi * (hours % _DAY_HOURS) / _DAY_HOURS
    weekday = np.floor(hours / _DAY_HOURS) + _FIRST_WEEKDAY
    week = 2 * np.pi * (weekday % _WEEK_DAYS) / _WEEK_DAYS
    return np.stack([np.sin(day), np.cos(day), np.sin(week), np.cos(week)], axis=-1).astype(np.float32)
