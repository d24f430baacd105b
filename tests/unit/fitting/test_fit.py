"""Rows to learn from, and what is learnt from them."""

import numpy as np
import pytest

from detector.errors import DataError
from detector.fitting.dataset import HELD_OUT_ROWS, HELD_OUT_TOTAL, Run, check, fit_window, runs, split
from detector.fitting.fit import fit_detector
from detector.inference import calibrate
from detector.members.autoencoder import AutoencoderMember
from detector.members.memory import MemoryMember
from detector.members.projection import ProjectionMember
from detector.members.table import DetectorConfig
from detector.models.backbones.dense import DenseBackbone
from detector.models.variants.deep import DeepConfig
from detector.training.trainer import TrainerConfig
from detector.types import SampleBatch
from detector.windows.scale import RowScaler, ScalerConfig
from detector.windows.schema import Channel, Schema

SCHEMA = Schema(channels=(Channel(name="flow"), Channel(name="head")))
CLOSED = DetectorConfig(members=(MemoryMember(window=32, size=100), ProjectionMember(window=12)))


def plant(rows: int, seed: int = 0) -> np.ndarray:
    t = np.arange(rows)
    return np.stack([np.sin(t / 6), np.cos(t / 6)], 1) + 0.1 * np.random.default_rng(seed).normal(size=(rows, 2))


def run(rows: int, seed: int = 0) -> Run:
    return Run(np.arange(rows), plant(rows, seed))


def scaler() -> RowScaler:
    return ScalerConfig().fit(plant(300))


def test_runs_end_at_breaks_and_at_the_end_of_a_series():
    series = np.array([1, 0, 1, 0, 1, 1], np.int32)
    start = np.array([True, True, False, False, True, False])
    rows = np.arange(6)
    samples = SampleBatch(series, rows, rows[:, None] * 1.0, rows, start, series, rows)
    assert [r.time_ns.tolist() for r in runs(samples)] == [[1, 3], [0, 2], [4, 5]]
    empty = SampleBatch(*(column[:0] for column in (series, rows, rows[:, None], rows, start, series, rows)))
    assert runs(empty) == []


@pytest.mark.parametrize(
    "window,rows,expected",
    [(128, 10_000, 128), (128, 640, 128), (128, 639, 64), (64, 30, 8), (12, 24, 12), (16, 24, 8)],
)
def test_windows_are_halved_for_short_data(window, rows, expected):
    assert fit_window(window, rows) == expected


def test_the_last_part_of_every_run_is_held_out():
    parts = split([run(400), run(200)], scaler(), window=16)
    assert [len(r) for r in parts.fit] == [280, 140]
    assert [len(r) for r in parts.held_out] == [120, 60]
    assert [len(r) for r in parts.all] == [400, 200]
    np.testing.assert_array_equal(parts.held_out[0].values, scaler().transform(plant(400)[280:]))


def test_short_data_serves_both_purposes():
    parts = split([run(40)], scaler(), window=16)
    assert parts.fit is parts.held_out is parts.all


def test_only_so_many_rows_are_held_out():
    few = split([run(30_000)], scaler(), 16).held_out
    assert [len(r) for r in few] == [HELD_OUT_ROWS]
    many = split([run(20_000)] * 10, scaler(), 16).held_out
    assert sum(map(len, many)) == pytest.approx(HELD_OUT_TOTAL, abs=10)


def test_data_that_teaches_nothing_is_refused():
    with pytest.raises(DataError, match="23 rows, at least 24"):
        check([run(23), run(3)])
    with pytest.raises(DataError, match="0 rows"):
        check([])
    with pytest.raises(DataError, match="no value at all"):
        check([Run(np.arange(30), np.full((30, 2), np.nan))])


def test_windows_fit_the_longest_run_and_the_config_says_so():
    bundle = fit_detector(CLOSED, SCHEMA, [run(100), run(30, 1)])
    assert [member.window for member in bundle.config.members] == [16, 12]
    assert bundle.detector.window == 16
    assert bundle.facts.items() >= {"rows": 130, "runs": 2, "first_time_ns": 0, "last_time_ns": 99}.items()


def test_held_out_scores_are_near_one_and_the_band_is_finite():
    bundle = fit_detector(CLOSED, SCHEMA, [run(1000)])
    (scores,) = bundle.detector.held_out
    assert len(scores) == 300 - bundle.detector.window + 1
    assert 0.3 < np.median(scores) < 1 < scores.max()
    assert (bundle.detector.band > 0).all()
    assert len(bundle.golden.windows) == len(bundle.golden.scores) == 16


def test_wide_data_shortens_the_projection():
    wide = Run(np.arange(200), np.random.default_rng(0).normal(size=(200, 150)))
    schema = Schema(channels=tuple(Channel(name=f"c{i}") for i in range(150)))
    config = DetectorConfig(members=(ProjectionMember(window=16),))
    (member,) = fit_detector(config, schema, [wide]).detector.members
    assert member.window == 2000 // 150


def test_a_constant_and_an_empty_channel_are_normal():
    values = plant(200)
    values[:, 1] = np.nan
    for data in (Run(np.arange(200), values), Run(np.arange(200), np.full((200, 2), 4.0))):
        detector = fit_detector(CLOSED, SCHEMA, [data]).detector
        assert calibrate(detector, 16).limit > 0
        assert all(np.isfinite(scores).all() for scores in detector.held_out)


def test_rows_before_the_first_value_have_no_held_out_score():
    values = plant(60)
    values[:50] = np.nan
    config = DetectorConfig(members=(MemoryMember(window=8, size=50),))
    detector = fit_detector(config, SCHEMA, [Run(np.arange(60), values)]).detector
    assert np.isnan(np.concatenate(detector.held_out)).any()
    assert np.isfinite(calibrate(detector, 16).limit)


@pytest.mark.parametrize("config", ["closed form", "network"])
def test_the_same_seed_learns_the_same_bytes(config):
    network = AutoencoderMember(
        window=8, variant=DeepConfig(), backbone=DenseBackbone(width=8), trainer=TrainerConfig(steps=10, batch=16)
    )
    chosen = CLOSED if config == "closed form" else DetectorConfig(members=(network,))
    versions = [fit_detector(chosen, SCHEMA, [run(120)], seed).version for seed in (1, 1, 2)]
    assert versions[0] == versions[1]
    assert (versions[0] == versions[2]) == (config == "closed form")
