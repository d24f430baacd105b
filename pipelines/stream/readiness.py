"""What the loop sees of being ready: partitions assigned, windows as before the restart, and a lag that falls."""

from collections import deque

import numpy as np

from pipelines.clock import Clock
from pipelines.io.base import RawBatch
from pipelines.stream.health import Health

PERIOD_S = 300.0
SAMPLES = 10
LEAST_RECORDS = 10_000
"""A lag below this is a matter of seconds, whether it grows or not."""


class Readiness:
    """Tells the probes why the daemon is not ready, as far as the loop can know.

    Args:
        health: told.
        clock: monotonic time.
    """

    def __init__(self, health: Health, clock: Clock) -> None:
        self._health, self._clock = health, clock
        self._until: dict[int, int] = {}  # partitions whose windows are being rebuilt, and the record that ends it
        self._waiting: dict[int, int] = {}
        self._lags: deque[int] = deque(maxlen=SAMPLES)
        self._next_s = clock.monotonic_s()

    def polled(self, batch: RawBatch) -> None:
        """Notes what a poll brought, before its records are processed."""
        self._health.concern("assignment", "" if batch.assigned else "no partition is assigned yet")
        for partition in batch.ended:
            self._until.pop(partition, None)
            self._waiting.pop(partition, None)
        for partition, beginning in batch.begun.items():
            position = beginning.checkpoint.positions.get(partition)
            if position and position.rewind_offset < position.next_offset:
                self._until[partition] = position.next_offset
        for partition in [p for p in self._until if p in batch.waiting]:
            offsets = batch.offset[batch.partition == partition]
            if batch.waiting[partition] == 0 or (len(offsets) and offsets.max() + 1 >= self._until[partition]):
                del self._until[partition]
        windows = f"windows of {len(self._until)} partitions are being read again" if self._until else ""
        self._health.concern("windows", windows)
        self._waiting |= batch.waiting
        self._grows()

    def _grows(self) -> None:
        now_s = self._clock.monotonic_s()
        if now_s < self._next_s:
            return
        self._next_s = now_s + PERIOD_S / SAMPLES
        self._lags.append(sum(self._waiting.values()))
        old, new = np.array_split(np.array(self._lags), 2)
        grows = len(self._lags) == SAMPLES and new.min() > old.max() and new[-1] > LEAST_RECORDS
        told = f"the lag grew from {old[0]} to {new[-1]} records within {PERIOD_S:.0f} s" if grows else ""
        self._health.concern("lag", told)
