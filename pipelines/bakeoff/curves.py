"""ROC and precision-recall curves on common grids, so that those of several trainings have a mean."""

import numpy as np
from numpy.typing import NDArray

from detector.types import Bools, Floats

GRID = np.linspace(0, 1, 101)
"""False positive rates, or recalls."""


def roc(labels: Bools, scores: Floats) -> NDArray[np.float64]:
    """Returns the true positive rate at each false positive rate of the grid, [101]."""
    from sklearn.metrics import roc_curve

    false, true, _ = roc_curve(labels, scores)
    return np.interp(GRID, false, true)


def precision_recall(labels: Bools, scores: Floats) -> NDArray[np.float64]:
    """Returns the precision at each recall of the grid, [101]: the best one that reaches at least that recall.

    Paper: Davis & Goadrich 2006; interpolated as by Manning, Raghavan & Schütze 2008, section 8.4.
    """
    from sklearn.metrics import precision_recall_curve

    precision, recall, _ = precision_recall_curve(labels, scores)
    best = np.maximum.accumulate(precision)  # recall falls along the curve
    return best[len(recall) - 1 - np.searchsorted(recall[::-1], GRID - 1e-12)]
