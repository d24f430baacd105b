"""Excursions of a score: rows above a level that lie close together are one."""

import numpy as np
from numpy.typing import NDArray

from detector.types import Floats, Ints


def clusters(scores: Floats, level: float, gap_rows: int) -> Ints:
    """Runs declustering: rows at or above a level, joined where at most ``gap_rows`` apart.

    Args:
        scores: [B] of one series in order of time; NaN is below every level.
        level: what a row must reach.
        gap_rows: distance between two rows that still belong to one cluster.

    Returns:
        [N, 2] int64, half-open intervals from the first to the last row of every cluster.

    Paper: Leadbetter 1991, "On a basis for peaks over threshold modeling"; runs method of Smith and Weissman 1994.
    """
    rows = np.flatnonzero(scores >= level)
    if not len(rows):
        return np.empty((0, 2), np.int64)
    apart = np.diff(rows) > max(gap_rows, 1)
    return np.stack([rows[np.append(True, apart)], rows[np.append(apart, True)] + 1], axis=1)


def peaks(scores: Floats, level: float, gap_rows: int) -> NDArray[np.float64]:
    """Highest score of every cluster, [N]."""
    found = clusters(scores, level, gap_rows)
    if not len(found):
        return np.empty(0)
    return np.fmax.reduceat(np.append(scores, -np.inf), found.ravel())[::2]
