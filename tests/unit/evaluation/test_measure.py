import numpy as np
import pytest

from detector.evaluation.measure import measure


def test_figures_of_a_hand_made_series() -> None:
    labels, scores = np.zeros(1000, bool), np.zeros(1000)
    labels[100:120] = labels[500:520] = True
    scores[105:115] = 2.0
    scores[700] = scores[800] = 1.0
    found = measure(labels, scores, 1.0, period=10, rows_per_week=9600.0, delay=16)
    assert found.event_precision == pytest.approx(1 / 3)
    assert (found.event_recall, found.event_delay_rows) == (0.5, 21.0)
    assert found.false_alarms_per_week == pytest.approx(20.0)
    assert found.realised_ratio == pytest.approx(20.0)
    assert 0 < found.vus_pr < 1
    assert found.auc_pr > 0.25
    assert found.auc_roc > 0.5


def test_what_cannot_be_said_is_nan() -> None:
    nothing = measure(np.zeros(100, bool), np.full(100, np.nan), 1.0, 10, None)
    assert np.isnan([nothing.vus_pr, nothing.event_precision, nothing.event_recall, nothing.event_delay_rows]).all()
    assert np.isnan(nothing.false_alarms_per_week)
    assert nothing.realised_ratio == 0.0
    assert np.isnan(measure(np.ones(100, bool), np.ones(100), 1.0, 10, 50.0).realised_ratio)
