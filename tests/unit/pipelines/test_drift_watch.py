import logging
import re

import numpy as np
import pytest
from scipy.signal import lfilter

from detector.calibration.base import Calibrator
from detector.evaluation.drift import DriftConfig
from detector.types import DecisionBatch
from pipelines.stream.drift import DriftWatch

MINUTE_NS = 60 * 10**9
WINDOW, DELTA = 64, 0.05


def scores(rows: int, rng: np.random.Generator) -> np.ndarray:
    """Scores whose neighbours resemble each other, as those of overlapping windows do."""
    return np.exp(lfilter([np.sqrt(1 - 0.95**2)], [1, -0.95], rng.standard_normal(rows)))


def decided(found: np.ndarray, normal: Calibrator, series: int = 0, first: int = 0) -> DecisionBatch:
    rows, zeros = np.arange(first, first + len(found)), np.zeros(len(found), bool)
    contribution = np.zeros((len(found), 1), np.float32)
    ids = np.full(len(found), series, np.int32)
    return DecisionBatch(ids, rows * MINUTE_NS, found, zeros, normal.p_value(found), contribution, zeros)


def watch(held_out: np.ndarray, seed: int) -> tuple[DriftWatch, Calibrator]:
    normal = Calibrator(1e9, np.sort(held_out))
    bet = DriftConfig(delta=DELTA).fit([normal.p_value(held_out)], WINDOW, seed)
    return DriftWatch(bet, MINUTE_NS), normal


def test_false_alarms_of_drift_keep_their_rate_on_scores_that_resemble_their_neighbours() -> None:
    rng, runs, found = np.random.default_rng(0), 150, 0
    for seed in range(runs):
        one, normal = watch(scores(6000, rng), seed)
        one.committed([decided(scores(20_000, rng), normal, series) for series in range(2)])
        found += one.detected
    assert found / runs <= DELTA + 3 * np.sqrt(DELTA * (1 - DELTA) / runs)


@pytest.mark.parametrize("factor", [2.5, 0.4])
def test_a_change_is_detected_and_told_once(factor: float, caplog: pytest.LogCaptureFixture) -> None:
    rng = np.random.default_rng(1)
    one, normal = watch(scores(6000, rng), 0)
    one.committed([decided(scores(6000, rng), normal)])
    assert not one.detected
    assert one.ratio < 1
    with caplog.at_level(logging.WARNING):
        for poll in range(20):
            one.committed([decided(factor * scores(500, rng), normal, first=6000 + 500 * poll)])
    assert one.detected
    assert len(caplog.records) == 1
    assert "scores have drifted" in caplog.text
    told = re.search(r"evidence 10\^([\d.]+)", caplog.text)
    assert told
    assert float(told[1]) >= round(-np.log10(DELTA), 1)


def test_the_same_rows_are_looked_at_however_the_stream_is_cut_and_wherever_it_begins() -> None:
    found = scores(4000, np.random.default_rng(2))
    whole, normal = watch(scores(6000, np.random.default_rng(3)), 0)
    parts, _ = watch(scores(6000, np.random.default_rng(3)), 0)
    whole.committed([decided(found, normal)])
    parts.committed([decided(found[:1], normal), decided(found[1:777], normal, first=1)])
    parts.committed([decided(found[777:], normal, first=777)])
    assert parts.ratio == pytest.approx(whole.ratio, abs=1e-12)
    assert whole._martingale._counts.sum() - whole._martingale._first.sum() == len(found) // WINDOW + 1


def test_rows_without_full_windows_do_not_count() -> None:
    one, normal = watch(scores(6000, np.random.default_rng(4)), 0)
    batch = decided(np.full(5000, 50.0), normal)
    one.committed([DecisionBatch(*(getattr(batch, name) for name in batch.__slots__[:-1]), np.ones(5000, bool))])
    assert one.ratio == 0.0
