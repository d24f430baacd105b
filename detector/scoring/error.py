"""Reconstruction error per channel."""

import numpy as np

from detector.types import Bools, Floats


def channel_error(actual: Floats, expected: Floats, observed: Bools | None, last: int | None = None) -> Floats:
    """Returns the mean squared error of every channel over the observed steps of a window.

    Args:
        actual: [B, T, F], without NaN.
        expected: [B, T, F].
        observed: [B, T, F], or None where every element is; masked elements count neither above nor below the line.
        last: judge the newest ``last`` steps only; None judges the whole window.

    Returns:
        [B, F]; 0 for a channel without an observed step.
    """
    if last is not None:
        actual, expected = actual[:, -last:], expected[:, -last:]
    squared = np.square(actual - expected)
    if observed is None:
        return squared.mean(axis=1)
    observed = observed[:, -squared.shape[1] :]
    total = np.where(observed, squared, 0).sum(axis=1)
    # In the precision of the mean above: a window without gaps scores the same whatever stands beside it.
    return (total / np.maximum(observed.sum(axis=1), 1)).astype(squared.dtype)
