"""Members fused: what a detector says of windows, and how it explains itself."""

import functools

import numpy as np
import pytest
from kinds import CHANNELS, CONFIGS
from pydantic import ValidationError

from detector.calibration.base import Calibrator
from detector.fitting.dataset import Run
from detector.fitting.fit import fit_detector
from detector.inference import Scorer
from detector.members.detector import FLOOR, Detector, Fusion
from detector.members.memory import MemoryMember
from detector.members.presets import auto, single
from detector.members.projection import ProjectionMember
from detector.members.table import DetectorConfig
from detector.models.backbones.dense import DenseBackbone
from detector.models.variants.deep import DeepConfig
from detector.types import DecisionBatch, SampleBatch
from detector.windows.schema import Channel, Schema

SCHEMA = Schema(channels=tuple(Channel(name=name) for name in "abc"))


def plant(rows: int, seed: int) -> np.ndarray:
    t = np.arange(rows)
    noise = 0.1 * np.random.default_rng(seed).normal(size=(rows, CHANNELS))
    return np.stack([50 + 10 * np.sin(t / 5), np.cos(t / 5), np.sin(t / 9)], 1) + noise


@functools.cache
def detector(*names: str) -> Detector:
    config = DetectorConfig(members=tuple(CONFIGS[name] for name in names))
    return fit_detector(config, SCHEMA, [Run(np.arange(400), plant(400, 0))]).detector


def told(one: Detector, values: np.ndarray) -> DecisionBatch:
    """Decides about the rows of one series at once, with a limit of 1."""
    n = len(values)
    rows, zeros = np.arange(n), np.zeros(n, np.int32)
    scorer = Scorer(one, Calibrator(1.0, np.ones(1)), capacity=1)
    return scorer.decide(SampleBatch(zeros, rows, values, rows, rows == 0, zeros, rows))


def windows(one: Detector, rows: int = 100) -> np.ndarray:
    scaled = one.scaler.transform(plant(rows, 7))
    return np.lib.stride_tricks.sliding_window_view(scaled, one.window, axis=0).transpose(0, 2, 1).copy()


def test_fusion_is_the_weighted_mean_over_held_out_quantiles():
    rng = np.random.default_rng(0)
    values = [rng.random((500, 1)), 7 * rng.random((200, 2))]
    fusion = Fusion.fit(values, [1.0, 3.0])
    quantiles = np.concatenate([np.quantile(v, 0.99, axis=0) for v in values]) + FLOOR
    np.testing.assert_allclose(fusion.gain, np.array([1, 3, 3]) / 7 / quantiles)
    np.testing.assert_allclose(fusion.neutral, np.concatenate([np.median(v, axis=0) for v in values]))


def test_an_output_that_never_moves_does_not_blow_up():
    fusion = Fusion.fit([np.zeros((50, 1))], [1.0])
    assert np.isfinite(fusion.gain).all()


def test_scores_are_the_gains_times_what_members_say():
    one, values = detector("distance", "conv1d"), plant(100, 7)
    due = np.arange(16, 100, one.members[1].stride)
    seen = windows(one)[due - one.window + 1]
    padded = np.concatenate([seen, np.repeat(seen[-1:], -len(seen) % 64, axis=0)])
    said = [m.look(padded[:, -m.window :], None).values[: len(seen)].astype(np.float64) for m in one.members]
    found = told(one, values)
    np.testing.assert_allclose(found.anomaly_score[due], np.concatenate(said, axis=1) @ one.fusion.gain)
    np.testing.assert_allclose(found.contribution[due].sum(axis=1), 1, rtol=1e-5)


def test_the_channel_that_breaks_has_the_largest_share():
    one, values = detector("projection", "conv1d"), plant(100, 7)
    values[60:70, 2] += 3
    found = told(one, values)
    assert (found.contribution[63:70].argmax(axis=1) == 2).all()
    assert found.anomaly_score[63:70].min() > np.nanmax(found.anomaly_score[:60])


def test_while_windows_fill_members_say_their_median():
    one = detector("distance", "projection")
    found = told(one, plant(30, 7))
    short = min(member.window for member in one.members) - 1
    np.testing.assert_allclose(found.anomaly_score[:short], one.fusion.neutral @ one.fusion.gain, rtol=1e-6)
    assert not found.contribution[:short].any()
    assert found.warming.tolist() == [i < one.window - 1 for i in range(30)]


def test_a_row_without_any_value_has_no_score():
    values = plant(40, 7)
    values[20] = np.nan
    values[30, :2] = np.nan
    assert np.flatnonzero(np.isnan(told(detector("distance", "projection"), values).anomaly_score)).tolist() == [20]


def test_a_few_masked_elements_hardly_move_the_score():
    one, values = detector("shape", "projection", "conv1d"), plant(200, 7)
    gaps = np.where(np.random.default_rng(0).random(values.shape) < 0.02, np.nan, values)
    whole, masked = (told(one, rows).anomaly_score for rows in (values, gaps))
    assert np.isnan(gaps).sum() > 5
    np.testing.assert_allclose(np.median(masked), np.median(whole), rtol=0.2)


def test_explanations_are_in_the_channels_own_units():
    one = detector("distance", "projection")
    seen = windows(one, 59 + one.window)
    told = one.explain(seen, np.full(60, 2))
    actual = one.scaler.inverse(seen[:, -3])
    np.testing.assert_allclose(told.actual, actual)
    assert 35 < told.expected[:, 0].mean() < 65
    assert (told.low <= told.expected).all()
    assert (told.expected <= told.high).all()
    assert ((told.low <= actual) & (actual <= told.high)).mean() > 0.9


def test_nothing_is_expected_of_rows_before_the_members_window():
    one = detector("shape", "projection")
    assert one.members[1].window < one.window
    told = one.explain(windows(one, one.window + 1), np.array([0, one.window - 1]))
    assert np.isfinite(told.expected[0]).all()
    assert np.isnan(told.expected[1]).all()


def test_a_detector_of_memories_expects_nothing():
    one = detector("distance")
    told = one.explain(windows(one, one.window + 2), np.zeros(3, int))
    assert np.isnan(told.expected).all()
    assert np.isfinite(told.actual).all()
    assert not len(one.explain(windows(one)[:0], np.zeros(0, int)).actual)


def test_member_names_are_unique():
    with pytest.raises(ValidationError, match="unique"):
        DetectorConfig(members=(MemoryMember(), MemoryMember()))
    with pytest.raises(ValidationError):
        DetectorConfig(members=())
    with pytest.raises(ValidationError, match="extra"):
        ProjectionMember(window=8, width=3)


@pytest.mark.parametrize("channels", [1, 5])
def test_the_preset_survives_its_own_json(channels):
    config = auto(channels)
    assert len(config.members) >= 7
    assert DetectorConfig.model_validate_json(config.model_dump_json()) == config


def test_one_variant_alone():
    (member,) = single(DeepConfig(), DenseBackbone()).members
    assert (member.name, member.stride, member.last) == ("deep", 8, 8)
    assert member.backbone == DenseBackbone()
