from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from detector.calibration.quantile import QuantileCalibration
from detector.errors import GateRejected
from detector.evaluation.causal import causal_scores
from detector.evaluation.inject import KINDS
from detector.evaluation.selftest import deviations, evenly, self_test
from detector.fitting.dataset import Run
from detector.fitting.fit import fit_detector
from detector.members.base import Look, Member
from detector.members.detector import Detector
from detector.members.memory import MemoryMember
from detector.members.projection import ProjectionMember
from detector.members.table import DetectorConfig
from detector.types import Bools, Floats
from detector.windows.schema import Channel, Schema

CONFIG = DetectorConfig(members=(ProjectionMember(window=16, stride=2), MemoryMember(window=8)))


def rows(count: int, channels: int = 2, seed: int = 0) -> np.ndarray:
    t = np.arange(count)[:, None]
    noise = 0.1 * np.random.default_rng(seed).standard_normal((count, channels))
    return 20 + 5 * np.sin(t / 6 + np.arange(channels)) + noise


def fitted(values: np.ndarray) -> Any:
    schema = Schema(channels=tuple(Channel(name=f"c{i}") for i in range(values.shape[1])), has_clock=False)
    return fit_detector(CONFIG, schema, [Run(np.arange(len(values), dtype=np.int64), values)])


@dataclass(frozen=True)
class Deaf(Member):
    """Says less, the more unusual the newest row is."""

    config: Any
    outputs = ("calm",)

    def look(self, windows: Floats, observed: Bools | None) -> Look:
        return Look((1 / (1 + np.square(windows[:, -1]).sum(axis=1, keepdims=True))).astype(np.float32), None)

    def refit(self, runs: Any) -> Member:
        return self

    def tensors(self) -> dict[str, Floats]:
        return {}


def deaf() -> Detector:
    detector = fitted(rows(600)).detector
    members = (Deaf(detector.members[0].config),)
    fusion = type(detector.fusion)(np.ones(1), np.zeros(1), np.ones(1))
    draft = replace(detector, members=members, fusion=fusion)
    return replace(draft, held_out=(causal_scores(draft, draft.scaler.transform(rows(200))[None])[0],))


def test_a_fit_records_recall_per_kind() -> None:
    facts = fitted(rows(1000)).facts["self_test"]
    assert list(facts["recall"]) == list(facts["score_ratio"]) == list(KINDS)
    assert facts["recall"]["level_shift"] == facts["recall"]["spike"] == 1.0
    assert facts["score_ratio"]["level_shift"] > 1.5
    assert facts["undisturbed_alarm_ratio"] == 0.0
    assert facts["passed"]
    assert facts == fitted(rows(1000)).facts["self_test"]


def test_kinds_that_the_data_cannot_have_are_absent() -> None:
    kinds = fitted(rows(600, channels=1)).facts["self_test"]["recall"]
    assert set(KINDS) - set(kinds) == {"swapped_channels", "broken_correlation"}
    constant = fitted(np.full((200, 1), 3.0)).facts["self_test"]["recall"]
    assert set(constant) == {"spike", "level_shift", "drift", "noise_burst"}


def test_a_detector_whose_scores_fall_is_refused() -> None:
    tested = self_test(deaf(), [rows(300, seed=1)])
    assert tested.score_ratio < 1
    assert not tested.passed
    with pytest.raises(GateRejected, match="self-test"):
        tested.check()


def test_a_limit_out_of_reach_finds_nothing() -> None:
    detector = fitted(rows(600)).detector
    low = self_test(detector, [rows(300, seed=1)], delay=4, calibration=QuantileCalibration(alarm_share=0.4))
    assert 0 < low.alarm_ratio < 1
    deafened = replace(detector, held_out=(1e6 * detector.held_out[0],))
    assert self_test(deafened, [rows(300, seed=1)]).recall == 0.0


def test_masked_rows_do_no_harm() -> None:
    values = rows(300, seed=1)
    values[100:160] = np.nan
    tested = self_test(fitted(rows(600)).detector, [values, rows(40)])
    assert np.isfinite([tested.recall, tested.alarm_ratio, tested.score_ratio]).all()


def test_pieces_lie_evenly_over_all_runs() -> None:
    runs = [np.arange(50.0)[:, None], np.arange(100.0, 120.0)[:, None], np.zeros((3, 1))]
    found = evenly(runs, 10, 6)
    assert found.shape == (6, 10, 1)
    assert (np.diff(found[:, :, 0]) == 1).all()
    assert (found[0, 0, 0], found[-1, -1, 0]) == (0, 119)
    assert evenly([np.zeros((5, 1))], 10, 6).shape == (1, 5, 1)


def test_deviations_ignore_gaps_and_constants() -> None:
    values = np.stack([np.tile([0.0, 2.0], 50), np.full(100, 0.1), np.full(100, np.nan)], axis=1)
    values[::10] = np.nan
    assert deviations([values[:40], values[40:]]) == pytest.approx([1.0, 0.0, 0.0], abs=0.01)


def test_scores_do_not_depend_on_how_pieces_are_grouped() -> None:
    detector = fitted(rows(600)).detector
    scaled = detector.scaler.transform(np.stack([rows(1500, seed=s) for s in range(3)]))
    alone = np.concatenate([causal_scores(detector, one[None]) for one in scaled])
    assert np.array_equal(causal_scores(detector, scaled), alone)
    short = scaled[:, :60]
    alone = np.concatenate([causal_scores(detector, one[None]) for one in short])
    assert np.array_equal(causal_scores(detector, short), alone)
    assert causal_scores(detector, scaled[:, :10]).shape == (3, 0)
