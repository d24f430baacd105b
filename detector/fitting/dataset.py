"""Rows to learn from: aligned like those that will be scored, in runs without a break, split by time."""

from dataclasses import dataclass

import numpy as np

from detector.errors import DataError
from detector.members.base import Rows
from detector.types import Floats, Ints, SampleBatch
from detector.windows import clock
from detector.windows.scale import RowScaler

LEAST_ROWS = 24
HELD_OUT_RATIO = 0.3
HELD_OUT_ROWS = 6000
"""Of one run; of several runs each gives its part of at most ``HELD_OUT_TOTAL``, so that whole days are among them."""
HELD_OUT_TOTAL = 24_000


@dataclass(frozen=True, slots=True)
class Run:
    """Aligned rows of one series without a break.

    Attributes:
        time_ns: [N] int64.
        values: [N, F] float64, NaN is masked.
    """

    time_ns: Ints
    values: Floats

    def __len__(self) -> int:
        return len(self.values)


def runs(samples: SampleBatch) -> list[Run]:
    """Cuts aligned rows of any number of series into runs, in order of series and time."""
    if not len(samples):
        return []
    order = np.argsort(samples.series, kind="stable")
    begins = samples.start[order]
    begins[1:] |= np.diff(samples.series[order]) != 0
    pieces = np.split(order, np.flatnonzero(begins[1:]) + 1)
    return [Run(samples.time_ns[piece], samples.values[piece]) for piece in pieces]


@dataclass(frozen=True, slots=True)
class Split:
    """Scaled rows, divided by time.

    Attributes:
        fit: what members are trained on.
        held_out: later rows that scales and the limit are fitted to; the same rows where there are too few.
        all: both.
    """

    fit: list[Rows]
    held_out: list[Rows]
    all: list[Rows]


def split(data: list[Run], scaler: RowScaler, window: int, conditions: bool = False) -> Split:
    """Scales runs and divides each: the first 70% to fit, the last 30% held out.

    At most 6,000 rows of a run are held out, 24,000 in all.

    Args:
        data: at least one run.
        scaler: fitted to ``data``.
        window: rows of the longest window; with too few rows for it on either side, all rows serve both purposes.
        conditions: whether rows carry the hour and the weekday behind the channels.
    """
    whole = [
        _conditioned(run, scaler) if conditions else Rows(scaler.transform(run.values), scaler.fill) for run in data
    ]
    most = min(HELD_OUT_ROWS * len(whole), HELD_OUT_TOTAL)
    share = min(HELD_OUT_RATIO, most / sum(map(len, whole)))
    fit = [Rows(rows.values[: round((1 - HELD_OUT_RATIO) * len(rows))], rows.fill) for rows in whole]
    held_out = [Rows(rows.values[len(rows) - round(share * len(rows)) :], rows.fill) for rows in whole]
    enough = max(map(len, fit)) >= 2 * window and max(map(len, held_out)) >= 1.25 * window
    return Split(fit, held_out, whole) if enough else Split(whole, whole, whole)


def _conditioned(run: Run, scaler: RowScaler) -> Rows:
    told = clock.told(run.time_ns)
    fill = np.concatenate([scaler.fill, np.zeros(told.shape[1], np.float32)])
    return Rows(np.concatenate([scaler.transform(run.values), told], axis=1), fill)


def fit_window(window: int, rows: int) -> int:
    """Halves a window while it is longer than a fifth of the rows, but not below 8."""
    while window > rows / 5 and window >= 16:
        window //= 2
    return window


def check(data: list[Run]) -> None:
    """Refuses data that nothing can be learnt from.

    Raises:
        DataError: no run is long enough, or no value was observed at all.
    """
    longest = max(map(len, data), default=0)
    if longest < LEAST_ROWS:
        raise DataError(
            f"the longest stretch of training data has {longest} rows, at least {LEAST_ROWS} are needed; "
            "give more data."
        )
    if not any(np.isfinite(run.values).any() for run in data):
        raise DataError("the training data holds no value at all; check the channels and their decimal separators.")
