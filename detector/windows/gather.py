"""Windows that lie in one array of rows, where those of a series may overlap: taken out, and put in."""

import numpy as np
from numba import njit

from detector.types import Floats, Ints


def gathered(rows: Floats, end: Ints, length: int) -> Floats:
    """Returns the windows [B, length, F] that end before the rows ``end`` [B] of ``rows`` [M, F]."""
    return _gathered(np.ascontiguousarray(rows), end, length)


def in_rows(windows: Floats) -> tuple[Floats, Ints]:
    """Returns windows [B, T, F] one after the other, as rows [B * T, F], and where each of them ends, [B]."""
    size, steps, channels = windows.shape
    return np.ascontiguousarray(windows).reshape(-1, channels), steps * np.arange(1, size + 1)


@njit(cache=True, nogil=True)
def _gathered(rows: Floats, end: Ints, length: int) -> Floats:
    channels = rows.shape[1]
    flat, found = rows.reshape(-1), np.empty((len(end), length * channels), rows.dtype)
    for b in range(len(end)):
        begin = (end[b] - length) * channels
        for j in range(length * channels):
            found[b, j] = flat[begin + j]
    return found.reshape(len(end), length, channels)
