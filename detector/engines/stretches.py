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
    found: list[Floats] = []
    places: list[Ints] = []
    for windows in SIZES:
        mine, length = first[size == windows], overlap.rows + (windows - 1) * overlap.hop
        for begin in range(0, len(mine), MOST // windows):
            part = mine[begin : begin + MOST // windows]
            places.append((part[:, np.newaxis] + np.arange(windows)).ravel())
            found.append(run(_copied(rows, end[part] - overlap.rows, length, BLOCK // windows))[: len(places[-1])])
    if len(found) == 1 and len(first) * size[0] == len(end):
        return found[0]  # in order
    whole = np.empty((len(end), *found[0].shape[1:]), found[0].dtype)
    for place, part in zip(places, found, strict=True):
        whole[place] = part
    return whole


@njit(cache=True)  # too short to let another thread in, as the next
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
def _copied(rows: Floats, begin: Ints, length: int, block: int) -> Floats:
    """Returns stretches, the last one repeated until there is a whole number of blocks."""
    count = -(-len(begin) // block) * block
    found = np.empty((count, length, rows.shape[1]), rows.dtype)
    for g in range(count):
        row = begin[min(g, len(begin) - 1)]
        for t in range(length):
            for f in range(rows.shape[1]):
                found[g, t, f] = rows[row + t, f]
    return found
