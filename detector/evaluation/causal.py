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
    windows = np.lib.stride_tricks.sliding_window_view(rows, detector.window, axis=1).transpose(0, 1, 3, 2)
    together = max(1, MOST // steps)
    for first in range(0, many, together):
        group = windows[first : first + together]
        holds = detector.holds(len(group))
        for begin in range(0, steps, MOST):
            part = group[:, begin : begin + MOST]
            found, _ = detector.fuse(_batch(part, begin), holds)
            found[np.isnan(part[..., -1, : detector.channels]).all(axis=-1).ravel()] = np.nan
            scores[first : first + together, begin : begin + MOST] = found.reshape(part.shape[:2])
    return scores


def _batch(windows: Floats, begin: int) -> WindowBatch:
    """Makes a batch of windows [N, S, T, F] of N series, the first of them at step ``begin``."""
    many, steps, length, channels = windows.shape
    flat = np.ascontiguousarray(windows).reshape(-1, length, channels)
    step = np.tile(np.arange(begin, begin + steps, dtype=np.int64), many)
    series = np.repeat(np.arange(many, dtype=np.int32), steps)
    full = np.full(len(flat), length, np.int32)
    return WindowBatch(series, step, flat, full, step, step - 1, np.arange(len(flat)))
