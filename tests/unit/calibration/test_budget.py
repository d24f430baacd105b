"""Budgets of alarms: what is promised, realised, and done where the held-out part is too short or dirty."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import lfilter
from scipy.stats import genpareto

from detector.calibration.base import EventBudget
from detector.calibration.block_max import BlockMaxCalibration
from detector.calibration.clusters import clusters, peaks
from detector.calibration.pot import PotCalibration, gpd
from detector.calibration.quantile import QuantileCalibration
from detector.calibration.robust_z import RobustZCalibration
from detector.evaluation.alarms import count_alarms


def autoregressive(seed: int, rows: int) -> NDArray:
    """Gaussian AR(0.95), standard deviation 1, around 5."""
    noise = np.random.default_rng(seed).normal(size=rows + 500)
    return 5 + lfilter([1], [1, -0.95], noise)[500:] * np.sqrt(1 - 0.95**2)


def realised(method: EventBudget, seed: int, budget_per_row: float) -> float:
    scores = autoregressive(seed, 66_000)
    limit = method.fit(scores[:6_000]).limit
    return count_alarms(scores[6_000:] / limit, method.gap_rows).realised_ratio(budget_per_row)


@pytest.mark.parametrize("kind", [PotCalibration, BlockMaxCalibration])
def test_keeps_the_budget_on_stationary_scores(kind: type[EventBudget]) -> None:
    ratios = [realised(kind(alarms_per_10k_rows=5), seed, 5e-4) for seed in range(15)]
    assert 0.5 < np.median(ratios) < 1.5
    assert np.quantile(ratios, 0.9) < 3


def test_a_rarer_budget_has_a_higher_limit_beyond_all_that_was_seen() -> None:
    scores = autoregressive(0, 3_000)
    limits = [PotCalibration(alarms_per_10k_rows=budget).fit(scores).limit for budget in (50, 5, 0.5, 0.05)]
    assert (np.diff(limits) > 0).all()
    assert limits[-1] > scores.max()


def test_the_week_is_the_unit_where_time_has_one() -> None:
    scores = autoregressive(0, 3_000)
    weekly = PotCalibration(alarms_per_week=2).fit(scores, rows_per_week=10_000)
    assert weekly.limit == PotCalibration(alarms_per_10k_rows=2).fit(scores).limit


@pytest.mark.parametrize("kind", [PotCalibration, BlockMaxCalibration])
def test_an_anomaly_in_the_held_out_part_moves_the_limit_little(kind: type[EventBudget]) -> None:
    clean = autoregressive(4, 6_000)
    dirty = clean.copy()
    dirty[3_000:3_040] += 20
    method = kind(alarms_per_10k_rows=5)
    assert method.fit(dirty).limit == pytest.approx(method.fit(clean).limit, rel=0.05)


def test_says_how_it_fell_back() -> None:
    short = autoregressive(0, 80)
    assert "every row counts as one" in PotCalibration().fit(short).note
    assert "cannot show the budget" in BlockMaxCalibration().fit(short).note
    assert "the highest score" in QuantileCalibration().fit(short).note
    assert "standard deviation" in RobustZCalibration().fit(np.append(np.ones(99), 3.0)).note
    assert "hardly vary" in PotCalibration().fit(np.ones(99)).note
    assert PotCalibration().fit(autoregressive(0, 6_000)).note == ""


def test_quantile_is_the_conformal_rank() -> None:
    calibrator = QuantileCalibration(alarm_share=0.1).fit(np.arange(1.0, 100.0))
    assert calibrator.limit == np.nextafter(90.0, np.inf)


def test_block_maximum_is_the_conformal_rank_of_whole_blocks() -> None:
    # 19 blocks of 10 rows with the maxima 1..19; a budget of .1 per block takes the 18th. The rest is no block.
    scores = np.append(np.repeat(np.arange(1.0, 20.0), 10), [99.0] * 9)
    method = BlockMaxCalibration(block_rows=10, alarms_per_10k_rows=100)
    assert method.fit(scores).limit == np.nextafter(18.0, np.inf)


def test_robust_z_of_a_normal_distribution() -> None:
    assert RobustZCalibration(z=3).fit(autoregressive(1, 50_000)).limit == pytest.approx(8, abs=0.2)


@pytest.mark.parametrize("shape", [-0.2, 0.0, 0.25])
def test_recovers_a_tail(shape: float) -> None:
    excess = genpareto.rvs(shape, scale=2.0, size=20_000, random_state=0)
    scale, found = gpd(excess)
    assert found == pytest.approx(shape, abs=0.04)
    assert scale == pytest.approx(2.0, rel=0.05)


def test_few_peaks_have_nearly_an_exponential_tail() -> None:
    excess = genpareto.rvs(0.4, size=6, random_state=1)
    assert abs(gpd(excess)[1]) < 0.2
    assert gpd(np.array([1.5])) == (1.5, 0.0)


def test_clusters_join_across_the_gap_and_not_beyond() -> None:
    scores = np.array([0, 2, 0, 0, 3, 0, 0, 0, 5, np.nan, 4.0])
    assert clusters(scores, 2, 3).tolist() == [[1, 5], [8, 11]]
    assert peaks(scores, 2, 3).tolist() == [3, 5]
    assert clusters(scores, 2, 0).tolist() == [[1, 2], [4, 5], [8, 9], [10, 11]]
    assert peaks(scores, 9, 3).tolist() == []


def test_alarms_per_week() -> None:
    counted = count_alarms(np.array([0, 1.2, 1.0, 0, 0, 0.99, 1.5, np.nan]), gap_rows=2)
    assert (counted.alarms, counted.rows) == (2, 8)
    assert counted.per_week(56) == 14
    assert counted.realised_ratio(0.125) == 2
    assert np.isnan(count_alarms(np.empty(0), 1).per_week(7))
