import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from detector.evaluation.auc import auc_pr, auc_roc


@pytest.mark.parametrize("seed", range(6))
def test_equal_to_scikit_learn_with_and_without_ties(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.random(400) < 0.1
    scores = np.round(rng.normal(size=400) + labels, seed % 3)
    assert auc_pr(labels, scores) == pytest.approx(average_precision_score(labels, scores), abs=1e-12)
    assert auc_roc(labels, scores) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)


def test_undefined_without_one_of_the_classes() -> None:
    assert np.isnan(auc_pr(np.zeros(5), np.arange(5)))
    assert np.isnan(auc_roc(np.zeros(5), np.arange(5)))
    assert np.isnan(auc_roc(np.ones(5), np.arange(5)))


def test_missing_and_infinite_scores_have_a_rank() -> None:
    labels = np.array([0, 1, 0, 1])
    scores = np.array([np.nan, np.inf, 0.0, 1.0])
    assert auc_roc(labels, scores) == 1.0
    assert auc_pr(labels, scores) == 1.0
