"""How far a restart must read back: the input log is the truth about the windows.

For every series the smallest offset that its newest rows depend on is kept, in blocks of rows, so that reading again
from there fills the windows as they were. Records before the committed offset are read for that only and emit nothing.
"""

from collections.abc import Mapping

import numpy as np
from numba import njit

from detector.ids import span
from detector.state import State, held, within
from detector.types import Bools, Ints, ReadingBatch, SampleBatch
from pipelines.io.base import Position

BLOCK_ROWS = 16
_NEVER = np.iinfo(np.int64).max


class Rewind:
    """The positions of a stream.

    Args:
        memory_rows: rows of a series after which nothing older can influence its results, open rows included.
        channels: F.
        committed: positions at the start; records before them emit nothing.
    """

    def __init__(self, memory_rows: int, channels: int, committed: Mapping[int, Position]) -> None:
        blocks = -(-memory_rows // BLOCK_ROWS) + 1  # the newest block is only partly filled
        self._emit_from = {partition: position.next_offset for partition, position in committed.items()}
        self._next = dict(self._emit_from)
        self._read = {partition: position.rewind_offset for partition, position in committed.items()}
        self._reach = np.full((0, blocks), _NEVER)
        self._seen = np.full((0, channels), _NEVER)
        self._rows = np.empty(0, np.int64)
        self._home = np.empty(0, np.int32)

    def replayed(self, partition: Ints, offset: Ints) -> Bools:
        """Returns which records [B] had emitted their results before the restart."""
        if not self._emit_from:
            return np.zeros(len(offset), np.bool_)
        first = np.array([self._emit_from.get(p, 0) for p in range(int(partition.max(initial=0)) + 1)], np.int64)
        return offset < first[partition]

    def read(self, partition: Ints, offset: Ints) -> None:
        """Notes records [B] as read, whatever becomes of them."""
        for one in np.unique(partition).tolist():
            done = int(offset[partition == one].max()) + 1
            self._next[one] = max(done, self._next.get(one, 0))
            self._read[one] = done
            if done >= self._emit_from.get(one, 0):
                self._emit_from.pop(one, None)  # nothing is read again any more

    def note(self, readings: ReadingBatch, samples: SampleBatch) -> None:
        """Notes what the rows that these readings closed depend on.

        A row depends on its own readings and, where a channel holds its last value, on the reading that gave it. The
        offsets of the readings before this batch stand for the latter: they are never too new.
        """
        self._room(readings.series)
        self._room(samples.series)
        _note(samples.series, samples.partition, samples.offset, self._reach, self._seen, self._rows, self._home)
        _observe(
            readings.series, readings.partition, readings.offset, readings.values,
            self._reach, self._seen, self._rows, self._home,
        )  # fmt: skip

    def evict(self, series: Ints) -> None:
        """Forgets series; their rows need not be read again."""
        series = series[series < len(self._rows)]
        self._reach[series], self._seen[series], self._rows[series] = _NEVER, _NEVER, 0

    def positions(self) -> dict[int, Position]:
        """Returns for every partition read so far where to emit from and where to read from after a restart.

        While a partition is read again, what is not reached yet is still needed.
        """
        reach = self._reach.min(axis=1)
        live = reach < _NEVER
        found = {}
        for partition, next_offset in self._next.items():
            needed = reach[live & (self._home == partition)]
            found[partition] = Position(next_offset, int(needed.min(initial=min(self._read[partition], next_offset))))
        return found

    def upto(self, partition: int) -> int | None:
        """Returns the record before which all are in the windows, None while they are being read again."""
        done = self._read.get(partition, 0)
        return done if done == self._next.get(partition) else None

    def state(self, series: Ints) -> State:
        """Returns what is kept of these series."""
        self._room(series)
        return {"reach": self._reach[series], "seen": self._seen[series], "rows": self._rows[series]}

    def restore(self, series: Ints, partition: int, upto: int, state: State) -> None:
        """Takes up the state of series of a partition, as if its records before ``upto`` had been read.

        Raises:
            DataError: the state is damaged, or of another detector.
        """
        self._room(series)
        for name, kept in (("reach", self._reach), ("seen", self._seen)):
            kept[series] = held(state, name, np.int64, len(series), kept.shape[1])
        self._rows[series] = within(state, "rows", len(series), _NEVER, np.int64)
        self._home[series] = partition
        self._read[partition] = upto

    def _room(self, series: Ints) -> None:
        most = span(series)
        if most > len(self._rows):
            self._grow(max(most, 2 * len(self._rows)))

    def _grow(self, size: int) -> None:
        extra = size - len(self._rows)
        self._reach = np.concatenate([self._reach, np.full((extra, self._reach.shape[1]), _NEVER)])
        self._seen = np.concatenate([self._seen, np.full((extra, self._seen.shape[1]), _NEVER)])
        self._rows = np.concatenate([self._rows, np.zeros(extra, np.int64)])
        self._home = np.concatenate([self._home, np.zeros(extra, np.int32)])


@njit(cache=True, nogil=True)
def _note(series, partition, offset, reach, seen, rows, home):  # type: ignore[no-untyped-def]
    blocks = reach.shape[1]
    for i in range(len(series)):
        s = np.uint32(series[i])
        begins = rows[s] % BLOCK_ROWS == 0
        last = i - 1
        same = i > 0 and series[i] == series[last] and offset[i] == offset[last] and partition[i] == partition[last]
        if begins or not same:
            block = (rows[s] // BLOCK_ROWS) % blocks
            if begins and rows[s] > 0:
                reach[s, block] = seen[s].min()
            reach[s, block] = min(reach[s, block], offset[i])
            home[s] = partition[i]
        rows[s] += 1


@njit(cache=True, nogil=True)
def _observe(series, partition, offset, values, reach, seen, rows, home):  # type: ignore[no-untyped-def]
    complete = False
    for i in range(len(series)):
        s = series[i]
        if complete and s == series[i - 1] and offset[i] == offset[i - 1]:
            continue  # of the same record, which has given every channel a value
        if rows[s] == 0:  # no row closed yet: all of it is needed
            reach[s, 0] = min(reach[s, 0], offset[i])
            home[s] = partition[i]
        complete = True
        for f in range(values.shape[1]):
            if np.isfinite(values[i, f]):
                seen[s, f] = offset[i]
            else:
                complete = False
