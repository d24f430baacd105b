"""All figures of one method on one labelled series."""

from dataclasses import dataclass

import numpy as np

from detector.calibration.base import EventBudget
from detector.calibration.clusters import clusters
from detector.calibration.table import DEFAULT
from detector.evaluation.auc import auc_pr, auc_roc
from detector.evaluation.events import intervals, match
from detector.evaluation.vus import vus_pr
from detector.types import Bools, Floats


@dataclass(frozen=True, slots=True)
class Measures:
    """How well scores rank rows, and what the alarms at their limit are worth.

    Attributes:
        vus_pr: area under precision and recall over all buffers.
        auc_pr: average precision.
        auc_roc: area under the receiver operating characteristic.
        event_precision: share of alarms that touch an event; NaN without alarms.
        event_recall: share of events that an alarm touches.
        event_delay_rows: median rows from the start of a detected event until its first alarm is said.
        false_alarms_per_week: of one series; NaN where time has no unit.
        realised_ratio: false alarms over those that the budget allows for as many normal rows.
    """

    vus_pr: float
    auc_pr: float
    auc_roc: float
    event_precision: float
    event_recall: float
    event_delay_rows: float
    false_alarms_per_week: float
    realised_ratio: float


def measure(
    labels: Bools,
    scores: Floats,
    limit: float,
    period: int,
    rows_per_week: float | None,
    delay: int = 0,
    budget: EventBudget = DEFAULT,
) -> Measures:
    """Judges the scores of one series by its labels; nothing is adjusted by them.

    Args:
        labels: [B], true where the row is anomalous.
        scores: [B], NaN where there is none.
        limit: a score that raises an alarm.
        period: longest buffer of VUS-PR.
        rows_per_week: of one series; None where time has no unit.
        delay: rows after which a score is said.
        budget: what the limit was made for.
    """
    result = match(intervals(labels), clusters(scores, limit, budget.gap_rows))
    false_alarms, normal = result.alarms - result.correct, int((~labels).sum())
    allowed = budget.alarms_per_row(rows_per_week) * normal
    return Measures(
        vus_pr(labels, scores, period),
        auc_pr(labels, scores),
        auc_roc(labels, scores),
        result.precision,
        result.recall,
        result.median_delay_rows + delay,
        false_alarms / normal * rows_per_week if rows_per_week and normal else np.nan,
        false_alarms / allowed if normal else np.nan,
    )
