"""Reconstruction error per channel."""

import numpy as np
from numba import njit

from detector.types import Bools, Floats, Ints


def channel_error(actual: Floats, expected: Floats, observed: Bools | None, last: int | None = None) -> Floats:
    """Returns the mean squared error of every channel over the observed steps of a window.

    Args:
        actual: [B, T, F], without NaN.
        expected: [B, T, F], or fewer of the newest steps.
        observed: [B, T, F], or more steps before those, or None where every element is; masked elements count neither
            above nor below the line.
        last: judge the newest ``last`` steps only; None judges the whole window.

    Returns:
        [B, F]; 0 for a channel without an observed step.
    """
    size, steps, channels = actual.shape
    steps = min(last or steps, steps)
    if observed is None:
        rows = np.ascontiguousarray(actual).reshape(-1, channels)
        return newest_error(rows, actual.shape[1] * np.arange(1, size + 1), expected[:, -steps:])
    found = np.zeros((size, channels), np.result_type(actual, expected))
    _mean_square_of_some(actual, expected, observed[:, -steps:], found)
    return found


def newest_error(rows: Floats, end: Ints, expected: Floats) -> Floats:
    """Returns the mean squared error of every channel over the newest rows of windows that lie in one array.

    Args:
        rows: [M, F], without NaN.
        end: [B] the row after each window.
        expected: [B, T, F], of the newest rows of each.

    Returns:
        [B, F].
    """
    found = np.zeros((len(end), rows.shape[1]), np.result_type(rows, expected))
    _mean_square(rows, end, expected, found)
    return found


@njit(cache=True, nogil=True)
def _mean_square(rows, end, expected, found):  # type: ignore[no-untyped-def]
    size, steps, channels = expected.shape
    for b in range(size):
        begin = np.uint64(end[b] - steps)  # no number that could count from the end
        for t in range(np.uint64(steps)):
            for f in range(channels):
                error = rows[begin + t, f] - expected[b, t, f]
                found[b, f] += error * error
        for f in range(channels):
            found[b, f] /= found.dtype.type(steps)


@njit(cache=True, nogil=True)
def _mean_square_of_some(actual, expected, observed, found):  # type: ignore[no-untyped-def]
    # Sums in the precision of the values: a window without gaps scores the same whatever stands beside it.
    size, steps, channels = observed.shape
    begin, other = actual.shape[1] - steps, expected.shape[1] - steps
    for b in range(size):
        for t in range(steps):
            for f in range(channels):
                if observed[b, t, f]:
                    error = actual[b, begin + t, f] - expected[b, other + t, f]
                    found[b, f] += error * error
        for f in range(channels):
            found[b, f] /= found.dtype.type(max(observed[b, :, f].sum(), 1))
