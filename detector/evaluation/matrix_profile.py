"""Distance of every stretch of a series to the nearest shape in another one."""

import numpy as np
from numba import njit

from detector.types import Floats

_FLAT = 1e-6


def nearest_shape(rows: Floats, known: Floats, width: int) -> Floats:
    """Returns the distance of every stretch of ``rows`` to the nearest stretch of ``known``, both standardised.

    Args:
        rows: [N] float64, N >= width.
        known: [M] float64, M >= width.
        width: rows of a stretch.

    Returns:
        [N - width + 1], 0 for the same shape up to 2 * sqrt(width) for its opposite; a flat stretch matches flat ones
        and lies sqrt(width) from all others.

    Paper: Zhu et al. 2016, "Matrix Profile II", STOMP: dot products along a diagonal by one addition and one
    subtraction; distance = sqrt(2 w (1 - correlation)).
    """
    # Without a large common level the running sums of products lose no digits.
    level = known.mean()
    return _join(rows - level, known - level, *_moments(rows - level, width), *_moments(known - level, width), width)


def _moments(rows: Floats, width: int) -> tuple[Floats, Floats]:
    view = np.lib.stride_tricks.sliding_window_view(rows, width)
    return view.mean(axis=1), view.std(axis=1)


@njit(cache=True)
def _join(rows, known, mean, deviation, known_mean, known_deviation, width):  # type: ignore[no-untyped-def]
    highest = np.full(len(mean), -1.0)
    for diagonal in range(1 - len(mean), len(known_mean)):
        i, j = max(-diagonal, 0), max(diagonal, 0)
        dot = 0.0
        for k in range(width):
            dot += rows[i + k] * known[j + k]
        while i < len(mean) and j < len(known_mean):
            flat, known_flat = deviation[i] < _FLAT, known_deviation[j] < _FLAT
            if flat or known_flat:
                correlation = 1.0 if flat and known_flat else 0.5
            else:
                product = deviation[i] * known_deviation[j]
                correlation = (dot / width - mean[i] * known_mean[j]) / product
            highest[i] = max(highest[i], correlation)
            if i + width < len(rows) and j + width < len(known):
                dot += rows[i + width] * known[j + width] - rows[i] * known[j]
            i += 1
            j += 1
    return np.sqrt(2.0 * width * np.maximum(1.0 - highest, 0.0))
