"""Windows that follow each other at a fixed distance, judged in one stretch: what they share is computed once."""

import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numba import njit

from detector.types import Floats, Ints

SIZES = (8, 4, 2, 1)
"""Windows of one stretch."""
BLOCK = 64
"""Windows of one run are a whole number of blocks, so that no row of a product is computed in another way."""
MOST = 2048
"""Windows of one run: enough to keep the processor busy, few enough to stay in its cache."""


class Overlap(NamedTuple):
    """What a graph of stretches takes.

    Attributes:
        rows: of a stretch of one window: those that its newest rows depend on.
        hop: rows that every further window adds.
    """

    rows: int
    hop: int

    @property
    def axis(self) -> str:
        """Name of the axis of a stretch of n windows in a graph: how long it is."""
        return f"{self.rows - self.hop}+{self.hop}n"

    @classmethod
    def of(cls, axis: object) -> "Overlap | None":
        """Returns what the name of an axis says, None if that is nothing."""
        found = re.fullmatch(r"(-?\d{1,6})\+(\d{1,6})n", str(axis))
        return cls(int(found[1]) + int(found[2]), int(found[2])) if found else None


def along(run: Callable[[Floats], Floats], overlap: Overlap, rows: Floats, end: Ints) -> Floats:
    """Runs a graph on windows that lie in one array of rows, in as few stretches as there are.

    Args:
        run: takes stretches [G, R, F] of n windows each, gives [G * n, ...].
        overlap: of that graph.
        rows: [M, F].
        end: [B] the row after each window.

    Returns:
        [B, ...].
    """
    first, size = _stretches(end, overlap.hop)
    whole: Floats | None = None
    for windows in SIZES:
        mine, length = _of(first, size, windows), overlap.rows + (windows - 1) * overlap.hop
        for begin in range(0, len(mine), MOST // windows):
            part = mine[begin : begin + MOST // windows]
            found = run(_copied(rows, end, part, overlap.rows, length, BLOCK // windows))
            if len(part) * windows == len(end):
                return found[: len(end)]
            if whole is None:
                whole = np.empty((len(end), *found.shape[1:]), found.dtype)
            _put(whole.reshape(len(end), -1), part, windows, found.reshape(len(found), -1))
    assert whole is not None
    return whole


# What follows is too short to let another thread in.


@njit(cache=True)
def _stretches(end: Ints, hop: int) -> tuple[Ints, Ints]:
    """Returns the first window of every stretch, and how many windows it has."""
    first, size, n, i = np.empty(len(end), np.int64), np.empty(len(end), np.int64), 0, 0
    while i < len(end):
        most = 1
        while most < SIZES[0] and i + most < len(end) and end[i + most] - end[i + most - 1] == hop:
            most += 1
        for windows in SIZES:
            if windows <= most:
                first[n], size[n] = i, windows
                n, i = n + 1, i + windows
                break
    return first[:n], size[:n]


@njit(cache=True)
def _of(first: Ints, size: Ints, windows: int) -> Ints:
    """Returns the first windows of the stretches of so many."""
    return first[size == windows]


@njit(cache=True)
def _copied(rows: Floats, end: Ints, first: Ints, before: int, length: int, block: int) -> Floats:
    """Returns stretches, the last one repeated until there is a whole number of blocks.

    Args:
        rows: as in ``along``, as is the next.
        end: the row after each window.
        first: the first window of each stretch.
        before: rows of it.
        length: rows of a stretch.
        block: stretches of a block.
    """
    count = -(-len(first) // block) * block
    found = np.empty((count, length, rows.shape[1]), rows.dtype)
    for g in range(count):
        row = end[first[min(g, len(first) - 1)]] - before
        for t in range(length):
            for f in range(rows.shape[1]):
                found[g, t, f] = rows[row + t, f]
    return found


@njit(cache=True)
def _put(whole: Floats, first: Ints, windows: int, found: Floats) -> None:
    """Puts what was found of stretches, [G * n, W], where their windows are, [B, W]."""
    width = whole.shape[1]
    to, given, size = whole.ravel(), found.ravel(), np.uint64(windows * width)
    for g in range(len(first)):
        there, here = np.uint64(first[g] * width), np.uint64(g) * size  # no number that could count from the end
        for j in range(size):
            to[there + j] = given[here + j]
