"""The engine: limits for a delay, pending rows, silent series."""

import functools

import numpy as np
import pytest

from detector.calibration.quantile import QuantileCalibration
from detector.fitting.dataset import Run
from detector.fitting.fit import fit_detector
from detector.inference import Scorer, calibrate, smooth
from detector.members.detector import Detector
from detector.members.memory import MemoryMember
from detector.members.projection import ProjectionMember
from detector.members.table import DetectorConfig
from detector.types import DecisionBatch, SampleBatch, joined
from detector.windows.schema import Channel, Schema

SCHEMA = Schema(channels=(Channel(name="flow"), Channel(name="head")))
MEMBERS = (ProjectionMember(window=8), MemoryMember(window=12, size=60, stride=4))


def plant(rows: int, seed: int = 0) -> np.ndarray:
    t = np.arange(rows)
    return np.stack([np.sin(t / 6), np.cos(t / 6)], 1) + 0.1 * np.random.default_rng(seed).normal(size=(rows, 2))


@functools.cache
def detector() -> Detector:
    return fit_detector(DetectorConfig(members=MEMBERS), SCHEMA, [Run(np.arange(400), plant(400))]).detector


def scorer(delay: int, capacity: int = 1) -> Scorer:
    return Scorer(detector(), calibrate(detector(), delay), delay, capacity)


def samples(series: int, values: np.ndarray, first: int = 0) -> SampleBatch:
    n = len(values)
    rows = np.arange(first, first + n)
    zeros = np.zeros(n, np.int32)
    return SampleBatch(np.full(n, series, np.int32), rows, values, rows, rows == first, zeros, rows)


def faulty() -> np.ndarray:
    values = plant(120, 1)
    values[60:70, 1] += 4
    return values


@pytest.mark.parametrize("delay", [0, 1, 16])
def test_smoothing_is_the_mean_over_the_rows_that_follow(delay):
    scores = np.random.default_rng(0).random(50)
    scores[10] = np.nan
    expected = [np.nanmean(scores[i : i + delay + 1]) if i != 10 else np.nan for i in range(50)]
    np.testing.assert_allclose(smooth(scores, delay), expected)


def test_a_delay_has_a_limit_of_its_own():
    config = QuantileCalibration()
    limits = [calibrate(detector(), delay, config).limit for delay in (0, 16)]
    assert limits[1] < limits[0], "means vary less than single scores"
    runs = [smooth(run, 16) for run in detector().held_out]
    assert limits[1] == config.fit(runs, SCHEMA.rows_per_week).limit


@pytest.mark.parametrize("delay", [0, 5, 16])
def test_every_row_is_decided_once_after_the_delay(delay):
    engine = scorer(delay)
    first = engine.decide(samples(0, faulty()))
    last = engine.flush().decisions
    assert first.time_ns.tolist() == list(range(120 - delay))
    assert last.time_ns.tolist() == list(range(120 - delay, 120))
    assert not len(engine.flush().decisions)


def test_a_fault_is_found_named_and_explained():
    (verdict,) = scorer(5).push(samples(0, faulty()))
    decisions = verdict.decisions
    assert decisions.is_anomaly[60:65].all()
    assert not decisions.is_anomaly[20:50].any()
    assert (decisions.contribution[60:63].argmax(axis=1) == 1).all()
    rows = np.flatnonzero(decisions.is_anomaly)
    explanation = verdict.explain(rows)
    np.testing.assert_allclose(explanation.actual, faulty()[decisions.time_ns[rows]], atol=1e-5)
    at = np.searchsorted(rows, 62)
    assert explanation.high[at, 1] < explanation.actual[at, 1]


def test_a_delay_longer_than_the_window_explains_nothing_and_still_decides():
    (verdict,) = scorer(40).push(samples(0, faulty()))
    assert len(verdict.decisions) == 80
    assert np.isnan(verdict.explain(np.arange(80)).actual).all()
    again = Scorer(detector(), calibrate(detector(), 0), 40)
    again.decide(samples(0, faulty() + 50))
    assert again.flush().decisions.is_anomaly.any()


def test_series_do_not_disturb_each_other():
    alone = scorer(4).decide(samples(0, faulty()))
    engine = scorer(4)
    engine.decide(samples(3, plant(30, 5) + 9))
    beside = engine.decide(samples(0, faulty()))
    np.testing.assert_array_equal(beside.anomaly_score, alone.anomaly_score)


def test_flush_of_one_series_then_eviction_lets_its_id_serve_another():
    engine = scorer(4, capacity=2)
    engine.decide(samples(1, plant(50, 7) * 3))
    engine.decide(samples(0, plant(50, 8)))
    assert engine.flush(np.array([1], np.int32)).decisions.series.tolist() == [1] * 4
    engine.evict(np.array([1], np.int32))
    found = _all(engine, samples(1, faulty(), first=500))
    expected = _all(scorer(4), samples(0, faulty(), first=500))
    np.testing.assert_array_equal(found.anomaly_score, expected.anomaly_score)
    np.testing.assert_array_equal(found.warming, expected.warming)


def test_a_poll_of_many_series_goes_in_parts_and_comes_out_whole():
    n = 3000
    values = np.tile(plant(2, 3), (n, 1))
    series = np.repeat(np.arange(n, dtype=np.int32), 2)
    rows, zeros = np.tile([0, 1], n), np.zeros(2 * n, np.int32)
    found = scorer(0).decide(SampleBatch(series, rows, values, rows, rows == 0, zeros, rows))
    np.testing.assert_array_equal(found.series, series)
    assert len(set(found.anomaly_score.tolist())) == 1, "windows that are not full say the same"
    assert found.warming.all()


def test_an_empty_poll_decides_nothing():
    (verdict,) = scorer(4).push(samples(0, plant(0)))
    assert not len(verdict.decisions)
    assert verdict.explain(np.empty(0, np.int64)).actual.shape == (0, 2)


def test_memory_covers_window_stride_and_delay():
    assert scorer(5).memory_rows >= 12 + 4 + 5


def _all(engine: Scorer, batch: SampleBatch) -> DecisionBatch:
    return joined([engine.decide(batch), engine.flush(np.unique(batch.series)).decisions])
