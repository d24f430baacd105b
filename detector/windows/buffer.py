"""The newest rows of all series in one array, and the windows that new rows complete.

The ring holds ``[S, T, F]`` float32, one slot of T rows per series id, and nothing is shifted: a row overwrites the
oldest one. One compiled call per poll writes all rows and copies out the windows that are due, in order of the batch,
so windows do not depend on how the stream is cut into polls; what a window shares with the one before it is not copied
again. What the newest poll overwrote is kept until the next one: the windows of its other rows can still be had.
"""

# mypy: disallow-untyped-defs=False
from typing import NamedTuple

import numpy as np
from numba import njit

from detector.errors import ConfigError
from detector.ids import span
from detector.state import State, held, ranks, within
from detector.types import Floats, Ints, SampleBatch, WindowBatch

_NO_CELL = -1


class _Poll(NamedTuple):
    """The rows of the newest push: series [B], rows in the window [B], and what each overwrote [B, F]."""

    series: Ints
    filled: Ints
    overwritten: Floats


class WindowBuffer:
    """Ring buffers of all series.

    Attributes:
        window: T, rows of a window.
        channels: F.
        hop: a window is due whenever the row's step number enters a new multiple of ``hop``, at the start of a run and
            where a step number repeats; 1 makes every row due. Counting by event time keeps the choice the same after
            a restart.
    """

    def __init__(self, window: int, channels: int, capacity: int = 256, hop: int = 1) -> None:
        """Makes empty buffers.

        Args:
            window: T, at least 1.
            channels: F, at least 1.
            capacity: series to make room for now; room doubles when a larger id arrives.
            hop: steps between windows of a series, at least 1.

        Raises:
            ConfigError: a size is below 1.
        """
        if min(window, channels, capacity, hop) < 1:
            raise ConfigError(
                f"window {window}, channels {channels}, capacity {capacity} and hop {hop} must each be at least 1."
            )
        self.window, self.channels, self.hop = window, channels, hop
        # Left uninitialised on purpose: a ring is read only as far as `_filled` says it was written.
        self._ring = np.empty((capacity, window, channels), np.float32)
        self._next = np.zeros(capacity, np.int32)
        self._filled = np.zeros(capacity, np.int32)
        self._cell = np.full(capacity, _NO_CELL, np.int64)
        self._poll = _Poll(np.empty(0, np.int32), np.empty(0, np.int32), np.empty((0, channels), np.float32))

    @property
    def capacity(self) -> int:
        """Series there is room for."""
        return len(self._ring)

    @property
    def nbytes_per_series(self) -> int:
        """Bytes of state that one series occupies, idle or not."""
        arrays = (self._ring, self._next, self._filled, self._cell)
        return sum(array.nbytes for array in arrays) // self.capacity

    def push(self, samples: SampleBatch, scaled: Floats) -> WindowBatch:
        """Takes new rows in and returns the windows that are due.

        Args:
            samples: B aligned rows, in time order within each series.
            scaled: [B, F] float32, their scaled values; NaN is masked.

        Returns:
            One window per due row, in order of the rows; what lies before the first row of a run is NaN.
        """
        rows = self._rows(samples, scaled)
        columns = (samples.series, samples.time_ns, samples.cell, samples.start)
        batch, counts, overwritten = _push(*columns, rows, self.hop, self._ring, self._next, self._filled, self._cell)
        self._poll = _Poll(samples.series, counts, overwritten)
        return WindowBatch(*batch)

    def recall(self, rows: Ints) -> Floats:
        """Returns the windows [K, T, F] that rows of the newest push completed, due or not.

        Args:
            rows: [K] positions in that push.
        """
        return _recall(np.asarray(rows, np.int64), self._poll, self._ring, self._next)

    def update(self, samples: SampleBatch, scaled: Floats) -> None:
        """Takes new rows in without making windows, as when state is rebuilt from a log; arguments as for ``push``."""
        rows = self._rows(samples, scaled)
        _update(samples.series, samples.cell, samples.start, rows, self._ring, self._next, self._filled, self._cell)

    def evict(self, series: Ints) -> None:
        """Forgets the rows of these series, so that their ids may serve others."""
        self._filled[series] = 0
        self._next[series] = 0
        self._cell[series] = _NO_CELL

    def state(self, series: Ints) -> State:
        """Returns the rows of these series, oldest first, and what goes with them."""
        self._reserve(span(series))
        filled = self._filled[series]
        row = (np.repeat(self._next[series] - filled, filled) + ranks(filled)) % self.window
        rows = self._ring[np.repeat(series, filled), row]
        return {"filled": filled, "cell": self._cell[series], "rows": rows}

    def restore(self, series: Ints, state: State) -> None:
        """Takes up the state of series that it knows nothing of.

        Raises:
            DataError: the state is none of a buffer of these sizes.
        """
        filled = within(state, "filled", len(series), self.window)
        rows = held(state, "rows", np.float32, int(filled.sum()), self.channels)
        self._reserve(span(series))
        self._ring[np.repeat(series, filled), ranks(filled)] = rows
        self._filled[series], self._next[series] = filled, filled % self.window
        self._cell[series] = held(state, "cell", np.int64, len(series))

    def _rows(self, samples: SampleBatch, scaled: Floats) -> Floats:
        """Checks everything that the kernels rely on without looking, and makes room for new ids."""
        if scaled.shape != (len(samples), self.channels):
            raise ValueError(f"expected scaled rows of shape {(len(samples), self.channels)}, got {scaled.shape}")
        self._reserve(span(samples.series))
        return np.ascontiguousarray(scaled, np.float32)

    def _reserve(self, series: int) -> None:
        if series <= self.capacity:
            return
        extra = max(series, 2 * self.capacity) - self.capacity
        self._ring = np.concatenate([self._ring, np.empty((extra, self.window, self.channels), np.float32)])
        self._next = np.concatenate([self._next, np.zeros(extra, np.int32)])
        self._filled = np.concatenate([self._filled, np.zeros(extra, np.int32)])
        self._cell = np.concatenate([self._cell, np.full(extra, _NO_CELL)])


@njit(cache=True, nogil=True)
def _update(series, cell, start, rows, ring, next_row, filled, last_cell):
    steps, channels = ring.shape[1], ring.shape[2]
    for i in range(len(series)):
        s = np.uint32(series[i])
        row = np.uint32(next_row[s])
        for f in range(channels):
            ring[s, row, f] = rows[i, f]
        next_row[s] = row + 1 if row + 1 < steps else 0
        filled[s] = 1 if start[i] else min(filled[s] + 1, steps)
        last_cell[s] = cell[i]


@njit(cache=True, nogil=True)
def _due(series, cell, start, hop, steps, last_cell):
    """The rows whose windows are due, the cell before each of them, and where each window ends among the rows copied.

    A window whose rows follow those of the window before it, in the batch too, adds only what that one lacks.
    """
    size = len(series)
    due, previous, end = np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.int64)
    n, begun, copied, first = 0, 0, 0, np.int64(0)  # the first step of a hop, so that not every row takes a division
    for i in range(size):
        s, step = np.uint32(series[i]), cell[i]
        before = last_cell[s]
        fresh = start[i] or before == _NO_CELL
        if fresh or i == 0 or series[i] != series[i - 1]:
            begun, first = i, before - before % hop
        same = 0 <= step - first < hop
        if not same:
            first = step - step % hop
        if fresh or hop == 1 or not same or step == before:
            copied += min(i - due[n - 1], steps) if n and due[n - 1] >= begun else steps
            due[n], previous[n], end[n] = i, _NO_CELL if fresh else before, copied
            n += 1
        last_cell[s] = step
    return due[:n], previous[:n], end[:n]


@njit(cache=True, nogil=True)
def _push(series, time_ns, cell, start, rows, hop, ring, next_row, filled, last_cell):
    """Writes rows; returns the columns of a ``WindowBatch``, then rows in the window [B] and what each overwrote."""
    size, steps, channels = len(series), ring.shape[1], ring.shape[2]
    due, previous, end = _due(series, cell, start, hop, steps, last_cell)
    windows, w, at = np.empty((end[-1] if len(end) else 0, channels), np.float32), 0, 0
    counts, overwritten = np.empty(size, np.int32), np.empty_like(rows)
    held, copied, given, lost = ring.reshape(len(ring), -1), windows.ravel(), rows.ravel(), overwritten.ravel()
    i = 0
    while i < size:
        # Rows of one series that follow each other, as many as there is room for in the ring.
        s, stop = np.uint32(series[i]), i + 1
        while stop < size and stop - i < steps and series[stop] == series[i] and not start[stop]:
            stop += 1
        slots, first, before = held[s], np.int64(next_row[s]), 0 if start[i] else filled[s]
        for k in range(i, stop):
            counts[k] = min(before + k + 1 - i, steps)
        while w < len(due) and due[w] < stop:
            last, more = due[w] + 1, end[w] - at
            if more < steps:
                _copy(copied, at, given, last - more, more, channels)
            else:
                new = last - i
                older, oldest = steps - new, first + new if first + new < steps else first + new - steps
                unbroken = min(older, steps - oldest)
                _copy(copied, at, slots, oldest, unbroken, channels)
                _copy(copied, at + unbroken, slots, 0, older - unbroken, channels)
                _copy(copied, at + older, given, i, new, channels)
                windows[at : at + steps - counts[last - 1]] = np.nan
            at, w = end[w], w + 1
        unbroken = min(stop - i, steps - first)
        rest = stop - i - unbroken
        _copy(lost, i, slots, first, unbroken, channels)
        _copy(slots, first, given, i, unbroken, channels)
        _copy(lost, i + unbroken, slots, 0, rest, channels)
        _copy(slots, 0, given, i + unbroken, rest, channels)
        next_row[s] = rest if rest or first + unbroken == steps else first + unbroken
        filled[s] = counts[stop - 1]
        i = stop
    return (series[due], time_ns[due], windows, end, counts[due], cell[due], previous, due), counts, overwritten


@njit(cache=True, nogil=True)
def _copy(to, to_row, source, row, count, channels):
    """Copies rows of flat arrays."""
    there, here = np.uint64(to_row * channels), np.uint64(row * channels)  # no number that could count from the end
    for j in range(np.uint64(count * channels)):
        to[there + j] = source[here + j]


@njit(cache=True, nogil=True)
def _recall(wanted, poll, ring, next_row):
    steps, channels = ring.shape[1], ring.shape[2]
    windows = np.empty((len(wanted), steps, channels), np.float32)
    # The next row of the same series in the poll, -1 after its last.
    following, first = np.empty(len(poll.series), np.int64), np.full(len(ring), -1)
    for i in range(len(poll.series) - 1, -1, -1):
        s = poll.series[i]
        following[i], first[s] = first[s], i
    for w in range(len(wanted)):
        s = poll.series[wanted[w]]
        # Each later row overwrote the oldest row of this window that was left; the ring still holds the others.
        t, later = 0, following[wanted[w]]
        while later >= 0 and t < steps:
            windows[w, t] = poll.overwritten[later]
            t, later = t + 1, following[later]
        for left in range(steps - t):
            windows[w, t + left] = ring[s, (next_row[s] + left) % steps]
        windows[w, : steps - poll.filled[wanted[w]]] = np.nan
    return windows
