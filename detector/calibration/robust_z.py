"""Robust z: median and median absolute deviation, for when a sentence must explain the limit."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from detector.calibration.base import Calibration, Limit

# Makes the median absolute deviation of a normal distribution its standard deviation.
_NORMAL = 1.4826


class RobustZCalibration(Calibration):
    """Median plus ``z`` robust standard deviations; promises no budget, moves little with contaminated rows.

    Paper: Iglewicz and Hoaglin 1993, "How to detect and handle outliers": limit = median + z * 1.4826 * MAD.
    """

    kind: Literal["robust_z"] = "robust_z"
    z: float = Field(default=6.0, gt=0, description="Robust standard deviations above the median")

    def _limit(self, runs: Sequence[NDArray[np.float64]], held_out: NDArray, rows_per_week: float | None) -> Limit:
        median = float(np.median(held_out))
        spread = _NORMAL * float(np.median(np.abs(held_out - median)))
        if spread > 0:
            return Limit(median + self.z * spread)
        note = "more than half of the held-out scores are equal: standard deviation instead of the median's"
        return Limit(median + self.z * float(held_out.std()), note)
