"""A quantile of the normal scores: so many rows in a thousand may be called anomalous."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from detector.calibration.base import Calibration, Limit


class QuantileCalibration(Calibration):
    """Conformal quantile of held-out rows; counts rows, not alarms, so it keeps no budget of alarms.

    Paper: Laxhammar and Falkman 2010, "Conformal prediction for distribution-independent anomaly detection": the
    ceil((1 - a)(N + 1))-th smallest of N scores is reached by a new row with probability at most a.
    """

    kind: Literal["quantile"] = "quantile"
    alarm_share: float = Field(default=0.001, gt=0, lt=1, description="Share of normal rows that may reach the limit")

    def _limit(self, runs: Sequence[NDArray[np.float64]], held_out: NDArray, rows_per_week: float | None) -> Limit:
        rows = len(held_out)
        rank = int(np.ceil((1 - self.alarm_share) * (rows + 1)))
        value = float(np.nextafter(held_out[min(rank, rows) - 1], np.inf))
        if rank > rows:
            return Limit(value, f"{rows} held-out rows cannot show a share of {self.alarm_share:g}: the highest score")
        return Limit(value)
