"""Alarms against the budget that the user stated."""

from dataclasses import dataclass

from detector.calibration.clusters import clusters
from detector.types import Floats


@dataclass(frozen=True, slots=True)
class AlarmCount:
    """Alarms of normal rows, and the rows they came from.

    Attributes:
        alarms: excursions of the anomaly score to 1.0 or above.
        rows: rows looked at.
    """

    alarms: int
    rows: int

    def per_week(self, rows_per_week: float) -> float:
        """Alarms that one series raises in a week; NaN without rows."""
        return self.alarms / self.rows * rows_per_week if self.rows else float("nan")

    def realised_ratio(self, budget_per_row: float) -> float:
        """Realised over budgeted alarms: 1 keeps the budget exactly; NaN without rows."""
        return self.alarms / (self.rows * budget_per_row) if self.rows else float("nan")


def count_alarms(anomaly_score: Floats, gap_rows: int) -> AlarmCount:
    """Alarms of one series of normal rows.

    Args:
        anomaly_score: [B], 1.0 is the limit; NaN counts as a row without an alarm.
        gap_rows: excursions at most so far apart are one alarm.
    """
    return AlarmCount(len(clusters(anomaly_score, 1.0, gap_rows)), len(anomaly_score))
