"""What the envelopes share: records that carry many samples of a series become one batch of readings.

An envelope is taken whole or not at all: a fault anywhere in it makes the record a dead letter.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detector.types import Floats, Ints, ReadingBatch
from detector.windows.entities import SeriesIndex
from pipelines.io.base import NO_TIME, Decoded, RawBatch
from pipelines.io.decoders.columns import Faults

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

    @property
    def samples(self) -> int:
        """N."""
        return self.values.shape[1]


def check_count(samples: int, most: int) -> None:
    """Refuses envelopes that hold nothing or too much.

    Raises:
        Unreadable: so it is.
    """
    if samples < 1:
        raise Unreadable("no_value", "The envelope holds no sample.")
    if samples > most:
        raise Unreadable("too_many_samples", f"The envelope holds {samples} samples, more than max_samples {most}.")


def times(found: Sequence[Envelope], stamps_ns: Ints) -> Ints:
    """Returns the time of every sample [N] of all envelopes, ``NO_TIME`` throughout an envelope without usable times.

    Args:
        found: the envelopes.
        stamps_ns: their stamps, one after the other, ``NO_TIME`` where there is none.
    """
    if not found:
        return np.empty(0, np.int64)
    samples = np.array([one.samples for one in found])
    stamps = np.array([len(one.stamps) for one in found])
    steps_ns = np.array([one.step_ns for one in found])
    first = np.cumsum(stamps) - stamps
    size = np.abs(stamps_ns.astype(np.float64))  # that of NO_TIME is beyond the last
    bad = np.maximum.reduceat(size, first) + steps_ns * samples.astype(np.float64) >= LAST_NS
    number = np.arange(samples.sum()) - np.repeat(np.cumsum(samples) - samples, samples)
    at = np.repeat(first, samples) + number * np.repeat(stamps == samples, samples)
    time_ns = stamps_ns[at] + number * np.repeat(np.where(bad, 0, steps_ns), samples)
    return np.where(np.repeat(bad, samples), NO_TIME, time_ns)


def unpacked(
    batch: RawBatch,
    found: Sequence[Envelope],
    time_ns: Ints,
    keys: Sequence[str],
    faults: Faults,
    channels: int,
    series: SeriesIndex,
) -> Decoded:
    """Makes readings of the samples of usable envelopes, and dead letters of the other records.

    Args:
        batch: the records.
        found: the envelopes.
        time_ns: [N] of all their samples.
        keys: [B] series names.
        faults: of the records that are no envelopes; those without a time are added.
        channels: F.
        series: gives the names their ids.
    """
    record = np.repeat(np.array([one.row for one in found], np.int64), [one.samples for one in found])
    timeless = np.zeros(len(batch), np.bool_)
    timeless[record[time_ns == NO_TIME]] = True
    faults.mark(timeless, "no_timestamp", "A sample of the envelope has no usable event time.")
    usable = np.flatnonzero(faults.usable)
    ids = np.zeros(len(batch), np.int32)
    ids[usable] = series.ids([keys[row] for row in usable.tolist()])
    values = np.concatenate([np.empty((channels, 0)), *(one.values for one in found)], axis=1).T
    kept = np.flatnonzero(faults.usable[record])
    record = record[kept]
    readings = ReadingBatch(ids[record], time_ns[kept], values[kept], batch.partition[record], batch.offset[record])
    return Decoded(readings, faults.letters(batch))
