"""Log-sum over channels: one loud channel cannot drown the others."""

import math
from dataclasses import dataclass

import numpy as np
from numba import njit

from detector.types import Floats


@dataclass(frozen=True, slots=True)
class LogSum:
    """Turns errors per channel into one value: mean over channels of ln(1 + e_c / s_c).

    Attributes:
        scale: [F] float64, s_c > 0: the held-out 99% quantile of the channel's error plus 5% of the mean error, so
            that a channel that is always reconstructed exactly does not shout about nothing.
    """

    scale: Floats

    @classmethod
    def fit(cls, errors: Floats) -> "LogSum":
        """Fits the scale to held-out errors of normal windows, [N, F]."""
        errors = errors.astype(np.float64)
        return cls(np.quantile(errors, 0.99, axis=0) + 0.05 * errors.mean() + 1e-12)

    def terms(self, errors: Floats) -> Floats:
        """Returns [B, F], the terms whose mean over channels is the value."""
        return np.log1p(errors / self.scale)

    def judged(self, errors: Floats) -> tuple[Floats, Floats]:
        """Returns the values [B, 1] and the terms [B, F], both float32."""
        return _judged(errors, self.scale)


@njit(cache=True, nogil=True)
def _judged(errors: Floats, scale: Floats) -> tuple[Floats, Floats]:
    size, channels = errors.shape
    values, terms = np.empty((size, 1), np.float32), np.empty((size, channels), np.float32)
    for b in range(size):
        total = 0.0
        for f in range(channels):
            terms[b, f] = math.log1p(errors[b, f] / scale[f])
            total += terms[b, f]
        values[b, 0] = total / channels
    return values, terms
