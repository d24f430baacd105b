"""Curves on a common grid."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from pipelines.bakeoff.curves import GRID, precision_recall, roc


def test_the_area_under_a_roc_curve_is_what_scikit_learn_says() -> None:
    rng = np.random.default_rng(0)
    labels = rng.random(5000) < 0.3
    scores = rng.normal(size=5000) + labels
    assert np.trapezoid(roc(labels, scores), GRID) == pytest.approx(roc_auc_score(labels, scores), abs=2e-3)


def test_precision_is_the_best_that_reaches_a_recall() -> None:
    labels = np.array([True, False, True, False])
    found = precision_recall(labels, np.array([4.0, 3.0, 2.0, 1.0]))
    assert found[GRID <= 0.5] == pytest.approx(1)
    assert found[GRID > 0.5] == pytest.approx(2 / 3)


def test_a_perfect_score_fills_both_squares() -> None:
    labels = np.arange(100) >= 90
    assert precision_recall(labels, labels.astype(float)).min() == 1
    assert roc(labels, labels.astype(float))[1:].min() == 1
