"""VUS-PR: area under the precision-recall curve, averaged over how generously the edges of an event are drawn."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.signal import argrelextrema

from detector.evaluation.auc import checked
from detector.evaluation.events import intervals
from detector.types import Ints

THRESHOLDS = 250
FALLBACK_PERIOD = 125

_LAGS = 400
_ROWS = 20_000
_SHORTEST_LAG = 3


def vus_pr(labels: ArrayLike, scores: ArrayLike, period: int | None = None) -> float:
    """Volume under the surface of precision, recall and buffer length; equal to the reference implementation.

    For each buffer l = 0..period a row at distance d <= l // 2 from an event weighs sqrt(1 - d / l) as an anomaly
    (1 where two events reach it). With A labelled and B buffered weight at or above a threshold, N rows above it and
    P labelled rows: precision = (A + B) / N, recall = min((A + B) / (P + B / 2), 1) times the share of events found.

    Args:
        labels: [B], true where the row is anomalous.
        scores: [B], higher is more anomalous; NaN ranks below everything.
        period: longest buffer in rows, usually ``period`` of the first channel; None takes 125.

    Returns:
        Mean area over the buffers, in (0, 1]; NaN without an anomalous row.

    Paper: Paparrizos et al. 2022, "Volume under the surface: a new accuracy evaluation measure for time-series anomaly
    detection", equations 5 to 13; thresholds, buffers and weights as in TSB-AD (Liu and Paparrizos 2024).
    """
    truth, score = checked(labels, scores)
    if not truth.any():
        return float("nan")
    longest = FALLBACK_PERIOD if period is None else period
    descending = np.sort(score)[::-1]
    taus = descending[np.linspace(0, len(score) - 1, THRESHOLDS).astype(int)]
    # The first (highest) threshold that a row reaches: every sum over rows becomes a histogram and its cumulation.
    reached = np.searchsorted(-taus, -score, side="left")
    alarms = _cumulated(reached)
    hits = _cumulated(reached[truth])
    events = intervals(truth)

    nearest, second = _distances(truth, events, longest // 2)
    rows = np.flatnonzero(nearest <= longest // 2)
    rows = rows[np.argsort(nearest[rows], kind="stable")]
    nearest, second, row_reached = nearest[rows], second[rows], reached[rows]

    area, found = 0.0, np.zeros(THRESHOLDS)
    for buffer in range(longest + 1):
        half = buffer // 2
        if buffer % 2 == 0:
            found = _found(events, reached, half)
        near = slice(0, np.searchsorted(nearest, half, side="right"))
        weight = np.where(second[near] <= half, 1.0, np.sqrt(1 - nearest[near] / max(buffer, 1)))
        buffered = _cumulated(row_reached[near], weight)
        positives = hits + buffered
        recall = np.minimum(positives / (hits[-1] + buffered / 2), 1) * found
        area += float(np.diff(recall, prepend=0.0) @ (positives / alarms))
    return area / (longest + 1)


def period(series: ArrayLike) -> int:
    """Length in rows of the strongest cycle of a series by its autocorrelation; 125 where there is none.

    Args:
        series: [B], one channel; missing values count as its mean. The first 20,000 rows are looked at.

    Returns:
        Lag of the highest local maximum of the autocorrelation, 6 to 303; the same as TSB-AD's ``find_length_rank``.
    """
    values = np.asarray(series, np.float64)[:_ROWS]
    if not np.isfinite(values).any():
        return FALLBACK_PERIOD
    centred = values - values[np.isfinite(values)].mean()
    centred[~np.isfinite(centred)] = 0.0
    spectrum = np.fft.rfft(centred, 2 * len(centred))
    correlation = np.fft.irfft(spectrum * spectrum.conj())[: min(_LAGS + 1, len(centred))]
    if correlation[0] <= 0:
        return FALLBACK_PERIOD
    correlation = correlation[_SHORTEST_LAG:] / correlation[0]
    peaks = argrelextrema(correlation, np.greater)[0]
    if not len(peaks):
        return FALLBACK_PERIOD
    strongest = int(peaks[np.argmax(correlation[peaks])])
    return strongest + _SHORTEST_LAG if 3 <= strongest <= 300 else FALLBACK_PERIOD


def _cumulated(reached: Ints, weights: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    return np.cumsum(np.bincount(reached, weights, minlength=THRESHOLDS)).astype(np.float64)


def _distances(truth: NDArray[np.bool_], events: Ints, reach: int) -> tuple[Ints, Ints]:
    """Distances [B] of every unlabelled row to the nearest and the second nearest event (beyond reach: any number)."""
    rows = np.arange(len(truth))
    far = len(truth) + reach + 1
    starts = np.concatenate([events[:, 0], [rows[-1] + far] * 2])
    ends = np.concatenate([[-far] * 2, events[:, 1] - 1])
    after = np.searchsorted(events[:, 0], rows, side="right")
    around = np.stack([rows - ends[after], rows - ends[after + 1], starts[after] - rows, starts[after + 1] - rows])
    nearest, second = np.partition(around, 1, axis=0)[:2]
    nearest[truth] = second[truth] = far
    return nearest, second


def _found(events: Ints, reached: Ints, half: int) -> NDArray[np.float64]:
    """Share of events [thresholds] with a row at or above each threshold; events whose buffers meet are one."""
    apart = events[:-1, 1] - 1 + half < events[1:, 0] - half
    first = np.maximum(events[np.append(True, apart), 0] - half, 0)
    stop = np.minimum(events[np.append(apart, True), 1] + half, len(reached))
    bounds = np.stack([first, stop], axis=1).ravel()
    highest = np.minimum.reduceat(np.append(reached, THRESHOLDS - 1), bounds)[::2]
    return _cumulated(highest) / len(highest)
