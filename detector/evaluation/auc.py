"""Point-wise areas under curves: how well a score ranks anomalous rows above normal ones."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from detector.errors import DataError
from detector.types import Bools


def auc_pr(labels: ArrayLike, scores: ArrayLike) -> float:
    """Average precision: the area under the precision-recall curve, without interpolation.

    Args:
        labels: [B], true where the row is anomalous.
        scores: [B], higher is more anomalous; NaN ranks below everything.

    Returns:
        Area in (0, 1]; NaN without an anomalous row.

    Paper: Davis and Goadrich 2006, "The relationship between precision-recall and ROC curves".
    Area = sum of (R_n - R_(n-1)) P_n.
    """
    truth, score = checked(labels, scores)
    if not truth.any():
        return float("nan")
    order = np.argsort(-score, kind="stable")
    last_of_tie = np.append(np.diff(score[order]) != 0, True)
    hits = np.cumsum(truth[order])[last_of_tie]
    alarms = np.flatnonzero(last_of_tie) + 1
    return float(np.diff(hits / hits[-1], prepend=0.0) @ (hits / alarms))


def auc_roc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Probability that an anomalous row outranks a normal one; ties count half.

    Args:
        labels: [B], true where the row is anomalous.
        scores: [B], higher is more anomalous; NaN ranks below everything.

    Returns:
        Area in [0, 1]; NaN where one of the two classes is absent.

    Paper: Hanley and McNeil 1982, "The meaning and use of the area under a ROC curve", the Mann-Whitney form.
    """
    truth, score = checked(labels, scores)
    positives = int(truth.sum())
    negatives = len(truth) - positives
    if not positives or not negatives:
        return float("nan")
    rank_sum = rankdata(score)[truth].sum()
    return float((rank_sum - positives * (positives + 1) / 2) / (positives * negatives))


def checked(labels: ArrayLike, scores: ArrayLike) -> tuple[Bools, NDArray[np.float64]]:
    """Labels as booleans and scores without NaN, which every metric ranks below all else.

    Raises:
        DataError: the two are not flat or differ in length.
    """
    truth = np.asarray(labels).astype(bool)
    score = np.array(scores, np.float64)
    if truth.ndim != 1 or truth.shape != score.shape:
        raise DataError(
            f"Labels of shape {truth.shape} cannot judge scores of shape {score.shape}: "
            "give one label and one score for every row."
        )
    return truth, np.nan_to_num(score, nan=np.finfo(np.float64).min)
