"""The batches that flow through the house, one poll at a time, columnar from the decoder on.

Shapes use the letters B (rows of a batch), T (time steps of a window) and F (channels). Times are event times in
nanoseconds since 1970 UTC, or bare row numbers where the data has no clock. A missing value is NaN.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Ints = NDArray[np.integer]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ReadingBatch:
    """Readings as the decoder found them, in order of arrival.

    Attributes:
        series: [B] int32, the integer id that the decoder's series index gave the series.
        time_ns: [B] int64, event time.
        values: [B, F] float64, NaN where the record does not carry the channel (or carried NaN or infinity).
        partition: [B] int32, the input partition (0 for files).
        offset: [B] int64, the position of the record in its partition.
    """

    series: Ints
    time_ns: Ints
    values: Floats
    partition: Ints
    offset: Ints

    def __len__(self) -> int:
        return len(self.series)


@dataclass(frozen=True, slots=True)
class SampleBatch:
    """Aligned rows: one per series and time step, in event-time order within each series.

    Attributes:
        series: [B] int32.
        time_ns: [B] int64, the time of the row (the start of its grid cell in grid alignment).
        values: [B, F] float64, filled by the gap policy; NaN is a masked value.
        cell: [B] int64, ``time_ns // interval_ns``: the row's step number on the event-time grid.
        start: [B] bool, True where the row begins a new run (first row, after a break or an eviction).
        partition: [B] int32.
        offset: [B] int64, the smallest offset among the readings of the row (of the next row, if it was filled).
    """

    series: Ints
    time_ns: Ints
    values: Floats
    cell: Ints
    start: Bools
    partition: Ints
    offset: Ints

    def __len__(self) -> int:
        return len(self.series)


@dataclass(frozen=True, slots=True)
class WindowBatch:
    """The newest T rows of a series, scaled, for every new row that is due.

    Attributes:
        series: [B] int32.
        time_ns: [B] int64, time of the newest row of the window.
        rows: [M, F] float32, in which the windows lie, oldest row first; those of a series may overlap. NaN is masked
            or not yet filled.
        end: [B] int64, ascending, the row of ``rows`` after the newest of each window.
        filled: [B] int32, how many of the newest rows exist (T once the window is full).
        cell: [B] int64, step number of the newest row.
        previous_cell: [B] int64, step number of the row before it, -1 where there is none.
        row: [B] int64, ascending, which of the rows pushed is the newest of the window.
    """

    series: Ints
    time_ns: Ints
    rows: Floats
    end: Ints
    filled: Ints
    cell: Ints
    previous_cell: Ints
    row: Ints

    def __len__(self) -> int:
        return len(self.series)


@dataclass(frozen=True, slots=True)
class ScoreBatch:
    """Fused reconstruction scores; higher is more anomalous, never negative.

    Attributes:
        series: [B] int32.
        time_ns: [B] int64, time of the row that the score judges (``delay`` rows before the newest).
        score: [B] float64, NaN where no score can be given.
        contribution: [B, F] float32, share of every channel in the score; rows sum to 1 (or are 0).
        warming: [B] bool, True while the longest window of the detector is not full.
    """

    series: Ints
    time_ns: Ints
    score: Floats
    contribution: Floats
    warming: Bools

    def __len__(self) -> int:
        return len(self.series)


@dataclass(frozen=True, slots=True)
class DecisionBatch:
    """Scores set against the calibrated limit.

    Attributes:
        series: [B] int32.
        time_ns: [B] int64.
        anomaly_score: [B] float64, score / limit: >= 0, 1.0 is the alert line, NaN where there is no score.
        is_anomaly: [B] bool, ``anomaly_score >= 1``.
        p_value: [B] float64 in (0, 1], share of normal held-out scores at least as high; NaN without a score.
        contribution: [B, F] float32.
        warming: [B] bool.
    """

    series: Ints
    time_ns: Ints
    anomaly_score: Floats
    is_anomaly: Bools
    p_value: Floats
    contribution: Floats
    warming: Bools

    def __len__(self) -> int:
        return len(self.series)


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a detector expected of rows it was asked about, in the channels' own units.

    Attributes:
        actual: [B, F] float64.
        expected: [B, F] float64.
        low: [B, F] float64, lower edge of the band that held 99% of the held-out normal errors.
        high: [B, F] float64, its upper edge.
    """

    actual: Floats
    expected: Floats
    low: Floats
    high: Floats


Batch = TypeVar("Batch", ReadingBatch, SampleBatch, DecisionBatch, Explanation)


def cut(batch: Batch, rows: Any) -> Batch:
    """Returns the rows of a batch that a slice, mask or index names."""
    return type(batch)(*(getattr(batch, field.name)[rows] for field in fields(batch)))


def joined(batches: Sequence[Batch]) -> Batch:
    """Returns at least one batch as one, in order."""
    if len(batches) == 1:
        return batches[0]
    kind = type(batches[0])
    return kind(*(np.concatenate([getattr(b, field.name) for b in batches]) for field in fields(kind)))
