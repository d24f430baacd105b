"""A poll of records as columns: what every layout stands on, whatever the wire format of the records."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from detector.types import Bools, Floats, Ints
from pipelines.io.base import NO_TIME, DeadLetter, RawBatch
from pipelines.io.decoders.times import TimeField, parse


class Fields(NamedTuple):
    """The fields to read: the event time (None: the record's own), numbers and texts, each by its path."""

    time: TimeField | None
    numbers: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()


class Faults:
    """Which records of a poll cannot be used and why; the first fault found of a record stays."""

    def __init__(self, count: int) -> None:
        self._found: dict[int, tuple[str, str]] = {}
        self.usable = np.ones(count, np.bool_)

    def mark(self, mask: Bools, reason: str, detail: str) -> None:
        """Declares the records under ``mask`` unusable."""
        for row in np.flatnonzero(mask & self.usable).tolist():
            self._found[row] = reason, detail
        self.usable &= ~mask

    def reject(self, row: int, reason: str, detail: str) -> None:
        """Declares one record unusable that was not so far."""
        self._found[row] = reason, detail
        self.usable[row] = False

    def letters(self, batch: RawBatch) -> list[DeadLetter]:
        """Returns one dead letter per unusable record of ``batch``, in order."""
        return [
            DeadLetter(int(batch.partition[i]), int(batch.offset[i]), *found, batch.records[i], batch.keys[i])
            for i, found in sorted(self._found.items())
        ]


@dataclass(frozen=True, slots=True)
class Columns:
    """Fields of a poll.

    Attributes:
        time_ns: [B] int64, ``NO_TIME`` where there is none.
        numbers: [B, K] float64 in the order asked for, NaN where a record has none.
        texts: one list [B] per text asked for, None where a record has none.
        faults: records with a fault; what stands in their rows means nothing.
    """

    time_ns: Ints
    numbers: Floats
    texts: Sequence[Sequence[str | None]]
    faults: Faults


def timed(batch: RawBatch, time: TimeField | None, values: Sequence[Any] | np.ndarray, faults: Faults) -> Ints:
    """Returns the event time [B] of every record: from its field, or the record's own timestamp where that is absent.

    Args:
        batch: the records.
        time: where the values come from, None if the records' own timestamps are wanted.
        values: [B] what stands in the field, None where it is absent.
        faults: where records without a usable time are marked.
    """
    time_ns: Ints = np.full(len(batch), NO_TIME, np.int64)
    if time is not None:
        time_ns, bad = parse(values, time.unit)
        faults.mark(bad, "bad_timestamp", f"Field {time.path!r} holds no time in the unit {time.unit}.")
    time_ns = np.where(time_ns == NO_TIME, batch.timestamp_ns, time_ns)
    faults.mark(time_ns == NO_TIME, "no_timestamp", "The record has no event time.")
    return time_ns
