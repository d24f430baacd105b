"""What the envelopes share: records that carry many samples of a series become one batch of readings.

An envelope is taken whole or not at all: a fault anywhere in it makes the record a dead letter. Envelopes of one shape
are handled together, as a stack.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit

from detector.types import Bools, Floats, Ints, ReadingBatch
from pipelines.io.base import Decoded, RawBatch
from pipelines.io.decoders.columns import Faults
from pipelines.io.decoders.readings import numbered

LAST_NS = 9.2e18
MOST_SAMPLES = 4096


class Unreadable(Exception):
    """A record that cannot be used.

    Args:
        reason: as in ``DeadLetter``.
        detail: as there.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


@dataclass(frozen=True, slots=True)
class Envelope:
    """One record, taken apart.

    Attributes:
        row: which record of the poll it is.
        series: name of the series, None or empty where the record's key names it.
        values: [F, N], NaN where a channel has no value.
        stamps: the time of every sample, or that of the first one alone, as the record has them.
        step_ns: from one sample to the next, 0 where every sample has its own time.
    """

    row: int
    series: str | None
    values: Floats
    stamps: Sequence[object] | Ints
    step_ns: int


@dataclass(frozen=True, slots=True)
class Stack:
    """Envelopes of one shape.

    Attributes:
        rows: [E] which records of the poll they are.
        series: [E] names of the series, None or empty where the record's key names it.
        values: [E, F, N], NaN where a channel has no value.
        stamps_ns: [E, N] the time of every sample, or [E, 1] that of the first one, ``NO_TIME`` where there is none.
        steps_ns: [E] from one sample to the next, 0 where every sample has its own time.
    """

    rows: Ints
    series: Sequence[str | None]
    values: Floats
    stamps_ns: Ints
    steps_ns: Ints

    @property
    def samples(self) -> int:
        """N."""
        return self.values.shape[2]

    def times(self) -> tuple[Ints, Bools]:
        """Returns the time of every sample [E, N], and [E] whether all times of an envelope can be used."""
        size = np.abs(self.stamps_ns.astype(np.float64)).max(axis=1)  # that of NO_TIME is beyond the last
        usable = size + self.steps_ns * float(self.samples) < LAST_NS
        steps_ns: Ints = np.where(usable, self.steps_ns, 0)
        return self.stamps_ns + steps_ns[:, np.newaxis] * np.arange(self.samples), usable


def check_count(samples: int, most: int) -> None:
    """Refuses envelopes that hold nothing or too much.

    Raises:
        Unreadable: so it is.
    """
    if samples < 1:
        raise Unreadable("no_value", "The envelope holds no sample.")
    if samples > most:
        raise Unreadable("too_many_samples", f"The envelope holds {samples} samples, more than max_samples {most}.")


def stacked(found: Sequence[Envelope], stamps_ns: Ints) -> list[Stack]:
    """Returns envelopes as stacks.

    Args:
        found: the envelopes.
        stamps_ns: their stamps, one after the other, ``NO_TIME`` where there is none.
    """
    counts = [len(one.stamps) for one in found]
    first = np.cumsum(counts) - counts
    shapes: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for at, one in enumerate(found):
        shapes[one.values.shape[1], counts[at]].append(at)
    stacks = []
    for (_, count), members in shapes.items():
        envelopes = [found[at] for at in members]
        stacks.append(
            Stack(
                np.array([one.row for one in envelopes]),
                [one.series for one in envelopes],
                np.array([one.values for one in envelopes]),
                stamps_ns[first[members, np.newaxis] + np.arange(count)],
                np.array([one.step_ns for one in envelopes]),
            )
        )
    return stacks


def names(batch: RawBatch, stacks: Sequence[Stack]) -> list[str | None]:
    """Returns the name of the series that every record [B] gives itself, None or empty where it gives none."""
    found: list[str | None] = [None] * len(batch)
    for stack in stacks:
        for row, name in zip(stack.rows.tolist(), stack.series, strict=True):
            found[row] = name
    return found


def unpacked(batch: RawBatch, stacks: Sequence[Stack], keys: Sequence[str], faults: Faults, channels: int) -> Decoded:
    """Makes readings of the samples of usable envelopes, and dead letters of the other records.

    Args:
        batch: the records.
        stacks: the envelopes.
        keys: [B] series names.
        faults: of the records that are no envelopes; those without a time are added.
        channels: F.
    """
    clocks, timeless, samples = [], np.zeros(len(batch), np.bool_), np.zeros(len(batch), np.int64)
    for stack in stacks:
        time_ns, usable = stack.times()
        clocks.append(time_ns)
        timeless[stack.rows] = ~usable
        samples[stack.rows] = stack.samples
    faults.mark(timeless, "no_timestamp", "A sample of the envelope has no usable event time.")
    samples[~faults.usable] = 0
    first = np.cumsum(samples) - samples
    size = int(samples.sum())
    readings_ns, values = np.empty(size, np.int64), np.empty((size, channels))
    for stack, time_ns in zip(stacks, clocks, strict=True):
        kept = faults.usable[stack.rows]
        rows = stack.rows[kept]
        whole = len(rows) == len(kept)  # then nothing is to be copied first
        readings_ns[first[rows, np.newaxis] + np.arange(stack.samples)] = time_ns if whole else time_ns[kept]
        _place(stack.values if whole else stack.values[kept], first[rows], values)
    record = np.flatnonzero(faults.usable)
    named = keys if len(record) == len(keys) else [keys[row] for row in record.tolist()]
    (met, ids), counts = numbered(named), samples[record]
    partition, offset = np.repeat(batch.partition[record], counts), np.repeat(batch.offset[record], counts)
    readings = ReadingBatch(np.repeat(ids, counts), readings_ns, values, partition, offset)
    return Decoded(readings, met, faults.letters(batch))


@njit(cache=True, nogil=True)
def _place(given: Floats, first: Ints, values: Floats) -> None:
    """Writes the samples of envelopes [E, F, N] into rows of ``values`` from ``first`` [E] on."""
    size, channels, samples = given.shape
    for e in range(size):
        for n in range(samples):
            for f in range(channels):
                values[first[e] + n, f] = given[e, f, n]
