"""Peaks over threshold: the tail of the score's excursions, for budgets rarer than the held-out part can show."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from detector.calibration.base import EventBudget, Limit
from detector.calibration.clusters import peaks

_FEW_PEAKS = 10
# Twelve times the median excess: once in four thousand peaks of an exponential tail.
_OUTLYING = 12.0
_OUTLYING_SHARE = 0.05
_PRIOR_PEAKS = 30
_WIDEST_SHAPE = 0.5


class PotCalibration(EventBudget):
    """Generalised Pareto tail on the maxima of declustered excursions, solved for the budget of alarms.

    With lambda excursions above the level u in a row and a budget b of alarms in a row,
    limit = u + sigma / gamma * ((b / lambda) ** -gamma - 1). The shape gamma, the least certain number of the fit, is
    pulled towards 0 (an exponential tail) as by thirty more peaks; peaks far outside the tail (at most 5%) are taken
    for anomalies in the held-out part and left out.

    Paper: Siffer et al. 2017, "Anomaly detection in streams with extreme value theory", equation 1, on cluster maxima
    (Leadbetter 1991); probability-weighted moments of Hosking and Wallis 1987.
    """

    kind: Literal["pot"] = "pot"
    level: float = Field(default=0.9, gt=0.5, lt=1, description="Quantile of the scores at which excursions begin")

    def _limit(self, runs: Sequence[NDArray[np.float64]], held_out: NDArray, rows_per_week: float | None) -> Limit:
        return tail(runs, held_out, self.level, self.gap_rows, self.alarms_per_row(rows_per_week))


def tail(
    runs: Sequence[NDArray[np.float64]],
    held_out: NDArray[np.float64],
    level: float,
    gap_rows: int,
    alarms_per_row: float,
) -> Limit:
    """Limit that the excursions of normal scores reach as often as the budget allows.

    Args:
        runs: scores of held-out normal rows, NaN where there is none.
        held_out: [N], all their finite scores, N >= 1.
        level: quantile at which excursions begin.
        gap_rows: excursions at most so far apart are one.
        alarms_per_row: the budget.
    """
    begin = float(np.quantile(held_out, level))
    excess = np.concatenate([peaks(run, begin, gap_rows) for run in runs]) - begin
    note = ""
    if len(excess) < _FEW_PEAKS:
        # Rows are more than excursions, so the limit errs on the quiet side.
        note = f"only {len(excess)} excursions in {len(held_out)} held-out rows: every row counts as one"
        excess = held_out[held_out >= begin] - begin
    scale, shape = gpd(_without_outlying(excess))
    rarer = min(alarms_per_row * len(held_out) / len(excess), 1.0)
    factor = -np.log(rarer) if abs(shape) < 1e-6 else np.expm1(-shape * np.log(rarer)) / shape
    return Limit(begin + scale * float(factor), note)


def gpd(excess: NDArray[np.float64]) -> tuple[float, float]:
    """Scale and shape of a generalised Pareto tail by probability-weighted moments, the shape shrunk towards 0.

    Args:
        excess: [N] >= 0, what peaks exceed the level by, N >= 1.

    Returns:
        ``(sigma, gamma)`` with sigma >= 0, |gamma| <= 0.5 and the mean of the excess kept.
    """
    rows = len(excess)
    mean = float(excess.mean())
    if rows < 2 or mean <= 0:
        return mean, 0.0
    weighted = float(np.sort(excess)[::-1] @ np.arange(rows)) / (rows * (rows - 1))
    # An excess without spread has mean = 2 * weighted: the shape that the bound below replaces.
    shape = 2.0 - mean / max(mean - 2.0 * weighted, mean * 1e-9)
    shape = float(np.clip(shape, -_WIDEST_SHAPE * 2, _WIDEST_SHAPE * 2)) * rows / (rows + _PRIOR_PEAKS)
    shape = float(np.clip(shape, -_WIDEST_SHAPE, _WIDEST_SHAPE))
    return mean * (1.0 - shape), shape


def _without_outlying(excess: NDArray[np.float64]) -> NDArray[np.float64]:
    ordered = np.sort(excess)
    inside = int(np.searchsorted(ordered, _OUTLYING * np.median(ordered), side="right"))
    most = max(1, int(_OUTLYING_SHARE * len(ordered))) if len(ordered) >= _FEW_PEAKS else 0
    return ordered[: max(inside, len(ordered) - most)]
