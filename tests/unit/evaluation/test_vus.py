"""VUS-PR against a slow copy of its definition, which agrees with TSB-AD 1.5 to 4e-16."""

import numpy as np
import pytest
from numpy.typing import NDArray

from detector.errors import DataError
from detector.evaluation.events import intervals
from detector.evaluation.vus import FALLBACK_PERIOD, period, vus_pr


def slow_vus_pr(labels: NDArray, scores: NDArray, longest: int) -> float:
    """One threshold and one buffer at a time, as the definition reads."""
    rows = len(labels)
    descending = np.sort(scores)[::-1]
    events = [(a, b - 1) for a, b in intervals(labels)]
    areas = []
    for buffer in range(longest + 1):
        half = buffer // 2
        weight = labels.astype(float)
        merged = [list(events[0])]
        for a, b in events:
            for d in range(1, half + 1):
                if b + d < rows:
                    weight[b + d] += np.sqrt(1 - d / buffer)
                if a - d >= 0:
                    weight[a - d] += np.sqrt(1 - d / buffer)
            if a - half <= merged[-1][1] + half:
                merged[-1][1] = b
            else:
                merged.append([a, b])
        weight = np.minimum(weight, 1)
        area = recall_before = 0.0
        for rank in np.linspace(0, rows - 1, 250).astype(int):
            alarm = scores >= descending[rank]
            hit = (weight * alarm).sum()
            buffered = (weight * alarm)[labels == 0].sum()
            found = np.mean([alarm[max(a - half, 0) : b + half + 1].any() for a, b in merged])
            recall = min(hit / (labels.sum() + buffered / 2), 1) * found
            area += (recall - recall_before) * hit / alarm.sum()
            recall_before = recall
        areas.append(area)
    return float(np.mean(areas))


def random_labels(rng: np.random.Generator, rows: int, events: int) -> NDArray:
    labels = np.zeros(rows, int)
    for start in rng.integers(0, rows, events):
        labels[start : start + rng.integers(1, 12)] = 1
    return labels


@pytest.mark.parametrize("seed", range(8))
def test_equals_the_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = random_labels(rng, 260, 1 + 2 * seed)
    labels[0], labels[-1] = seed % 2, seed % 3 == 0
    scores = np.round(rng.normal(size=260) + labels * 0.7, 3 - seed % 4)
    for longest in (0, 1, 7, 24):
        assert vus_pr(labels, scores, longest) == pytest.approx(slow_vus_pr(labels, scores, longest), abs=1e-12)


def test_more_rows_than_thresholds_and_the_fallback_buffer() -> None:
    rng = np.random.default_rng(3)
    labels = random_labels(rng, 900, 4)
    scores = rng.normal(size=900) + labels
    assert vus_pr(labels, scores) == pytest.approx(slow_vus_pr(labels, scores, FALLBACK_PERIOD), abs=1e-12)


def test_is_near_one_for_a_perfect_score_and_near_the_share_of_anomalies_for_a_random_one() -> None:
    rng = np.random.default_rng(1)
    labels = np.zeros(20_000, int)
    labels[5_000:5_400] = labels[12_000:12_600] = 1
    assert vus_pr(labels, labels + rng.random(20_000) * 0.1, 0) > 0.9
    assert vus_pr(labels, rng.random(20_000), 10) == pytest.approx(labels.mean(), abs=0.02)


def test_a_missing_score_ranks_below_every_other() -> None:
    labels = np.array([0, 0, 1, 1, 0, 0])
    scores = np.array([np.nan, 0.1, 0.9, 0.8, 0.2, np.nan])
    assert vus_pr(labels, scores, 2) == vus_pr(labels, np.nan_to_num(scores, nan=-1.0), 2)


def test_is_undefined_without_anomalies_and_one_with_nothing_else() -> None:
    assert np.isnan(vus_pr(np.zeros(9), np.arange(9)))
    assert vus_pr(np.ones(9), np.arange(9)) == pytest.approx(1.0)


def test_refuses_labels_of_another_length() -> None:
    with pytest.raises(DataError, match="one label and one score for every row"):
        vus_pr(np.zeros(9), np.arange(8))


@pytest.mark.parametrize("cycle", [12, 48, 288])
def test_period_of_a_cycle(cycle: int) -> None:
    rows = np.arange(5_000)
    series = np.sin(2 * np.pi * rows / cycle) + np.random.default_rng(0).normal(0, 0.1, 5_000)
    assert abs(period(series) - cycle) <= 1


@pytest.mark.parametrize("series", [np.ones(500), np.full(500, np.nan), np.arange(2.0), np.arange(900.0), np.array([])])
def test_period_falls_back_where_there_is_no_cycle(series: NDArray) -> None:
    assert period(series) == FALLBACK_PERIOD


def test_period_survives_missing_values() -> None:
    series = np.sin(2 * np.pi * np.arange(4_000) / 50)
    series[np.random.default_rng(0).random(4_000) < 0.05] = np.nan
    assert abs(period(series) - 50) <= 1
