"""Scores of rows at hand, as the engine would give them without delay, but without its warming and alignment."""

import numpy as np

from detector.members.base import MOST
from detector.members.detector import Detector
from detector.types import Floats, WindowBatch


def causal_scores(detector: Detector, rows: Floats) -> Floats:
    """Returns the causal fused score of every row whose windows are full.

    Args:
        detector: its window has T rows.
        rows: [N, L, F + C] float32 rows of N series of equal length, as ``Detector.scaled`` gives them.

    Returns:
        [N, L - T + 1] float64, NaN where a row holds no value at all; [N, 0] where L < T.
    """
    many, length = rows.shape[:2]
    steps = max(0, length - detector.window + 1)
    scores = np.empty((many, steps))
    if not steps:
        return scores
    together = max(1, MOST // steps)
    for first in range(0, many, together):
        group = rows[first : first + together]
        holds = detector.holds(len(group))
        for begin in range(0, steps, MOST):
            newest = group[:, begin + detector.window - 1 : begin + detector.window - 1 + MOST, : detector.channels]
            found, _ = detector.fuse(_batch(group, detector.window, begin, newest.shape[1]), holds)
            found[np.isnan(newest).all(axis=-1).ravel()] = np.nan
            scores[first : first + together, begin : begin + MOST] = found.reshape(newest.shape[:2])
    return scores


def _batch(rows: Floats, window: int, begin: int, steps: int) -> WindowBatch:
    """Makes a batch of ``steps`` windows of each of N series [N, L, F], the first of them at step ``begin``."""
    many, length = len(rows), window - 1 + steps
    flat = np.ascontiguousarray(rows[:, begin : begin + length]).reshape(many * length, -1)
    ends = (length * np.arange(many)[:, None] + np.arange(window, length + 1)).ravel()
    step = np.tile(np.arange(begin, begin + steps, dtype=np.int64), many)
    series = np.repeat(np.arange(many, dtype=np.int32), steps)
    full = np.full(len(ends), window, np.int32)
    return WindowBatch(series, step, flat, ends, full, step, step - 1, np.arange(len(ends)))
