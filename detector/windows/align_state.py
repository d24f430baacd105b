"""What alignment keeps in memory, as flat record arrays that compiled code works on.

A row is known by its key: the grid cell of its time, or the time itself where every time is a row. Open rows of all
series lie in one pool, chained per series from the oldest key to the newest, so an idle series costs nothing there.
"""

from typing import NamedTuple

import numpy as np

from detector.errors import DataError
from detector.state import State, held, ranks, within
from detector.types import Ints

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

_MOST = int(np.iinfo(np.int32).max)
_FAR = 1 << 61
"""Keys beyond it would overflow where they are subtracted."""


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

    def state(self, series: Ints, partition: int) -> State:
        """Returns what is kept of these series, which are all that have open rows, and of their only partition."""
        self.reserve(int(series.max(initial=NONE)) + 1, partition + 1, 0)
        spare = np.zeros(len(self.rows), np.bool_)
        spare[self.spare[: self.height[0]]] = True
        slots = np.flatnonzero(~spare)
        rows, cells = self.rows[slots], self.cells[slots]
        cells["time_ns"][np.isnan(cells["value"])] = 0  # whatever stood there before
        order = np.lexsort((rows["key"], rows["series"]))  # as they are chained
        kept, last = self.series[series], self.last[series]
        return {
            "watermark": self.watermark[[partition]],
            **{name: kept[name] for name in ("seen_ns", "closed_key", "open")},
            **{f"last_{name}": last[name] for name in VALUE.names or ()},
            **{f"row_{name}": rows[name][order] for name in ("key", "offset")},
            **{f"cell_{name}": cells[name][order] for name in VALUE.names or ()},
        }

    def restore(self, series: Ints, partition: int, state: State) -> None:
        """Takes up the state of series, nothing else being known; counters begin at 0.

        Raises:
            DataError: it is of other channels, or no such rows can be open.
        """
        size, channels = len(series), self.last.shape[1]
        self.reserve(int(series.max(initial=NONE)) + 1, partition + 1, 0)
        count = within(state, "open", size, _MOST)
        total = int(count.sum(dtype=np.int64))
        keys, closed = held(state, "row_key", np.int64, total), held(state, "closed_key", np.int64, size)
        first, last = ranks(count) == 0, np.append(ranks(count)[1:] == 0, True)[:total]
        before = np.where(first, np.repeat(closed, count), np.roll(keys, 1))
        known = np.concatenate([closed[closed != NEVER], keys])
        if (before >= keys).any() or (known.size and max(int(known.max()), -int(known.min())) > _FAR):
            raise DataError("The state holds open rows that are not in order of time.")
        self.watermark[partition] = held(state, "watermark", np.int64, 1)[0]
        self.rows, self.cells = np.zeros(total, ROW), np.zeros((total, channels), VALUE)
        self.spare, self.height = np.zeros(total, np.int32), np.zeros(1, np.int64)
        self.rows["key"], self.rows["offset"] = keys, held(state, "row_offset", np.int64, total)
        self.rows["series"], self.rows["partition"] = np.repeat(series, count), partition
        self.rows["next"] = np.where(last, NONE, np.arange(1, total + 1))
        kept = self.series
        kept["partition"][series], kept["closed_key"][series], kept["open"][series] = partition, closed, count
        kept["seen_ns"][series] = held(state, "seen_ns", np.int64, size)
        ends = np.cumsum(count, dtype=np.int64)
        kept["oldest"][series] = np.where(count > 0, ends - count, NONE)
        kept["newest"][series] = np.where(count > 0, ends - 1, NONE)
        for name in VALUE.names or ():
            self.last[name][series] = held(state, f"last_{name}", VALUE[name], size, channels)
            self.cells[name] = held(state, f"cell_{name}", VALUE[name], total, channels)


def _series(capacity: int) -> np.ndarray:
    series = np.zeros(capacity, SERIES)
    series["seen_ns"] = series["closed_key"] = NEVER
    series["oldest"] = series["newest"] = NONE
    return series
