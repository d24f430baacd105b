"""Block-maximum conformal: how often does the highest score of a stretch of normal rows reach the limit?"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from detector.calibration.base import EventBudget, Limit
from detector.calibration.pot import tail

_TAIL_LEVEL = 0.9


class BlockMaxCalibration(EventBudget):
    """Conformal quantile of block maxima: assumes nothing of the tail, and no more than exchangeable blocks.

    A budget too rare for the number of blocks falls back to the tail of ``pot``.

    Paper: Lei, Robins and Wasserman 2013, "Distribution-free prediction sets", applied to maxima of M blocks (Gumbel
    1958): the ceil((1 - a)(M + 1))-th smallest, a = budget per block.
    """

    kind: Literal["block_max"] = "block_max"
    block_rows: int = Field(default=100, ge=1, description="Rows of a block; longer than an excursion of the score")

    def _limit(self, runs: Sequence[NDArray[np.float64]], held_out: NDArray, rows_per_week: float | None) -> Limit:
        maxima = np.sort(np.concatenate([_block_maxima(run, self.block_rows) for run in runs]))
        budget = self.alarms_per_row(rows_per_week)
        share = min(budget * self.block_rows, 0.5)
        rank = int(np.ceil((1 - share) * (len(maxima) + 1)))
        if rank <= len(maxima):
            return Limit(float(np.nextafter(maxima[rank - 1], np.inf)))
        value, note = tail(runs, held_out, _TAIL_LEVEL, self.gap_rows, budget)
        found = (
            f"{len(maxima)} blocks of {self.block_rows} rows cannot show the budget: tail of the peaks over threshold"
        )
        return Limit(value, "; ".join(filter(None, [found, note])))


def _block_maxima(run: NDArray[np.float64], block_rows: int) -> NDArray[np.float64]:
    """Highest score of every whole block that has one, [M]."""
    blocks = len(run) // block_rows
    maxima = np.fmax.reduce(run[: blocks * block_rows].reshape(blocks, block_rows), axis=1, initial=-np.inf)
    return maxima[np.isfinite(maxima)]
