"""Which channel has most to do with a score."""

import numpy as np
from numba import njit

from detector.types import Floats, Ints


def top_channel(contribution: Floats) -> Ints:
    """Returns the channel with the largest share of every row, [B, F] to [B] int64; -1 where none has any."""
    return _top(np.ascontiguousarray(contribution))


@njit(cache=True, nogil=True)
def _top(contribution: Floats) -> Ints:
    found = np.full(len(contribution), -1)
    for i in range(len(contribution)):
        same = i > 0
        for c in range(contribution.shape[1]):
            same &= contribution[i, c] == contribution[max(i, 1) - 1, c]
        if same:  # rows between two looks repeat shares
            found[i] = found[i - 1]
            continue
        most = 0.0
        for c in range(contribution.shape[1]):
            if contribution[i, c] > most:
                most, found[i] = contribution[i, c], c
    return found
