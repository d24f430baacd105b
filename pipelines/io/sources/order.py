"""In which order the records of several files are replayed: in turns, or paced by event time."""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from detector.types import Ints
from pipelines.clock import Clock
from pipelines.io.base import NO_TIME, RawBatch
from pipelines.io.decoders.columns import Fields
from pipelines.io.decoders.readings import read
from pipelines.io.decoders.times import TimeField

Take = Callable[[int], RawBatch | None]
"""Gives the next records of one file, at most so many; None at its end."""


class Order(Protocol):
    """Chooses what comes next."""

    def anew(self, files: Sequence[Take]) -> "Order":
        """Returns the same order for the same files opened anew; what was due before is due at once."""

    def poll(self, timeout_s: float) -> RawBatch | None:
        """Returns the next records, an empty batch if none is due within ``timeout_s``, None when all files ended."""


class RoundRobin:
    """The files take turns, as fast as they can be read."""

    def __init__(self, files: Sequence[Take], rows: int) -> None:
        self._files = list(files)
        self._rows = rows

    def anew(self, files: Sequence[Take]) -> "RoundRobin":
        """As in ``Order``."""
        return RoundRobin(files, self._rows)

    def poll(self, timeout_s: float) -> RawBatch | None:
        """Returns records of the file whose turn it is, at once."""
        while self._files:
            take = self._files.pop(0)
            if (batch := take(self._rows)) is not None:
                self._files.append(take)
                return batch
        return None


class Paced:
    """Records come when their event time has come, ``speed`` event seconds per second after the first of all.

    Args:
        files: to replay side by side.
        rows: most records read ahead of each file.
        speed: event seconds per second of wall time.
        time: where records keep their event time; one without comes together with its predecessor.
        clock: wall time.
    """

    def __init__(self, files: Sequence[Take], rows: int, speed: float, time: TimeField, clock: Clock) -> None:
        self._heads = [_Head(take, rows, time) for take in files]
        self._rows, self._time = rows, time
        self._speed = speed
        self._clock = clock
        self._begin: tuple[float, int] | None = None

    def anew(self, files: Sequence[Take]) -> "Paced":
        """As in ``Order``."""
        paced = Paced(files, self._rows, self._speed, self._time, self._clock)
        paced._begin = self._begin
        return paced

    def poll(self, timeout_s: float) -> RawBatch | None:
        """Waits for the next record that is due and returns it with those due by then of the same file."""
        self._heads = [head for head in self._heads if head.fill()]
        if not self._heads:
            return None
        head = min(self._heads, key=lambda h: h.next_ns)
        if head.next_ns == NO_TIME:
            return head.due(NO_TIME)
        if self._begin is None:
            self._begin = self._clock.monotonic_s(), head.next_ns
        wall_s, event_ns = self._begin
        wait_s = (head.next_ns - event_ns) / 1e9 / self._speed - (self._clock.monotonic_s() - wall_s)
        self._clock.sleep(min(wait_s, timeout_s))
        return head.due(event_ns + round((self._clock.monotonic_s() - wall_s) * self._speed * 1e9))


class _Head:
    """The records read ahead of one file."""

    def __init__(self, take: Take, rows: int, time: TimeField) -> None:
        self._take, self._rows, self._fields = take, rows, Fields(time)
        self._batch: RawBatch | None = None
        self._due_ns: Ints = np.empty(0, np.int64)
        self._at = 0
        self._last_ns = NO_TIME

    @property
    def next_ns(self) -> int:
        return int(self._due_ns[self._at])

    def fill(self) -> bool:
        """Makes sure that there is a next record; False at the end of the file."""
        while self._at >= len(self._due_ns):
            if (batch := self._take(self._rows)) is None:
                return False
            times = np.append(self._last_ns, read(batch, self._fields).time_ns)
            self._batch, self._at = batch, 0
            self._due_ns = np.maximum.accumulate(times)[1:]  # a file is replayed in its own order
            self._last_ns = int(times.max())
        return True

    def due(self, until_ns: int) -> RawBatch:
        assert self._batch is not None, "fill first"
        begin, self._at = self._at, int(np.searchsorted(self._due_ns, until_ns, side="right"))
        self._at = max(begin, self._at)
        return self._batch.part(begin, self._at)
