"""Do the scores still come from where they came from when the detector was trained? A bet on what the daemon decided.

One bet per process and detector, on the decisions that were committed: one row per window of each series, picked by
its step on the event-time grid, so that the same rows are looked at after a restart. The capital itself is not kept:
after a restart, or with another detector, the bet starts again from the held-out rows.
"""

import logging
from collections.abc import Sequence

from detector.evaluation.drift import DriftMartingale
from detector.types import DecisionBatch

log = logging.getLogger(__name__)


class DriftWatch:
    """Watches the p-values of one detector.

    Args:
        martingale: starts from the held-out rows of the detector.
        interval_ns: step of the event-time grid.
    """

    def __init__(self, martingale: DriftMartingale, interval_ns: int) -> None:
        self._martingale, self._interval_ns = martingale, interval_ns
        self._told = False

    @property
    def ratio(self) -> float:
        """Evidence for a change over what triggers, on a logarithmic scale."""
        return self._martingale.ratio

    @property
    def detected(self) -> bool:
        """True from the first time on that the evidence was enough."""
        return self._martingale.triggered

    def committed(self, decisions: Sequence[DecisionBatch]) -> None:
        """Takes the decisions of a poll; rows whose windows are not full yet are left out."""
        for batch in decisions:
            due = (batch.time_ns % (self._martingale.every * self._interval_ns) < self._interval_ns) & ~batch.warming
            self._martingale.push(batch.p_value[due])
        if self.detected and not self._told:
            self._told = True
            log.warning(
                "scores have drifted away from those of the training (evidence 10^%.1f): look for an incident that "
                "lasts, otherwise retrain (reconwatch retrain)",
                self._martingale.log10_peak,
            )
