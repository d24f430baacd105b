"""What alignment keeps in memory, as flat record arrays that compiled code works on.

A row is known by its key: the grid cell of its time, or the time itself where every time is a row. Open rows of all
series lie in one pool, chained per series from the oldest key to the newest, so an idle series costs nothing there.
"""

from typing import NamedTuple

import numpy as np

NEVER = int(np.iinfo(np.int64).min)
FOREVER = int(np.iinfo(np.int64).max)
NONE = -1
POLICIES = ("hold", "linear", "mask", "break")
HOLD, LINEAR, MASK, BREAK = range(len(POLICIES))
COUNTERS = ("readings", "late", "duplicate", "nonfinite", "ahead", "forced", "filled", "broken", "evicted")
READINGS, LATE, DUPLICATE, NONFINITE, AHEAD, FORCED, FILLED, BROKEN, EVICTED = range(len(COUNTERS))

SERIES = np.dtype(
    [
        *((name, "i8") for name in ("seen_ns", "closed_key")),
        *((name, "i4") for name in ("partition", "oldest", "newest", "open")),
    ]
)
ROW = np.dtype(
    [
        *((name, "i8") for name in ("key", "offset", "missing")),
        *((name, "i4") for name in ("series", "next", "partition")),
        ("anew", "?"),
    ],
    align=True,
)
VALUE = np.dtype([("value", "f8"), ("time_ns", "i8")])


class Rules(NamedTuple):
    """Configuration in the units of compiled code: nanoseconds, and keys for what is counted in rows."""

    grid: bool
    step_ns: int
    interval_ns: int
    settle_ns: int
    lateness_ns: int
    break_keys: int
    evict_keys: int
    ahead_ns: int
    hold_ns: int
    max_open: int


class AlignState:
    """All arrays of an aligner.

    Attributes:
        series: [S] SERIES: newest time seen, key last closed, partition, ends of the chain of open rows and its length.
        last: [S, F] VALUE, the newest value written of each channel with the time of its row.
        rows: [P] ROW, the pool of open rows; `anew` begins a run, `missing` counts cells to fill before the row.
        cells: [P, F] VALUE, their values with the exact times of the readings that brought them.
        spare: [P] int32, a stack of unused rows of the pool.
        height: [1] int64, height of that stack.
        watermark: newest time of each partition.
        counters: totals in the order of ``COUNTERS``.
    """

    def __init__(self, capacity: int, channels: int) -> None:
        self.series, self.last = _series(capacity), np.zeros((capacity, channels), VALUE)
        self.rows, self.cells = np.zeros(0, ROW), np.zeros((0, channels), VALUE)
        self.spare, self.height = np.zeros(0, np.int32), np.zeros(1, np.int64)
        self.watermark = np.full(1, NEVER)
        self.counters = np.zeros(len(COUNTERS), np.int64)

    def reserve(self, series: int, partitions: int, rows: int) -> None:
        """Makes room for ids below ``series`` and ``partitions`` and for so many more open rows, at least doubling."""
        capacity, channels = self.last.shape
        if series > capacity:
            extra = max(series - capacity, capacity)
            self.series = np.concatenate([self.series, _series(extra)])
            self.last = np.concatenate([self.last, np.zeros((extra, channels), VALUE)])
        if partitions > len(self.watermark):
            self.watermark = np.concatenate([self.watermark, np.full(partitions - len(self.watermark), NEVER)])
        height, size = int(self.height[0]), len(self.rows)
        if rows > height:
            extra = max(rows - height, size)
            self.rows = np.concatenate([self.rows, np.zeros(extra, ROW)])
            self.cells = np.concatenate([self.cells, np.zeros((extra, channels), VALUE)])
            self.spare = np.concatenate([self.spare, np.zeros(extra, np.int32)])
            self.spare[height : height + extra] = np.arange(size, size + extra)
            self.height += extra

    def forget(self, series: np.ndarray) -> None:
        """Clears these series, none of which may have open rows."""
        for name in ("seen_ns", "closed_key"):
            self.series[name][series] = NEVER


def _series(capacity: int) -> np.ndarray:
    series = np.zeros(capacity, SERIES)
    series["seen_ns"] = series["closed_key"] = NEVER
    series["oldest"] = series["newest"] = NONE
    return series
