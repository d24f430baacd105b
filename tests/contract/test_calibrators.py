"""What every way to find the limit promises."""

import json
import warnings

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError
from scipy.signal import lfilter

from detector.calibration.base import Calibration, Calibrator
from detector.calibration.table import DEFAULT, CalibrationConfig
from detector.errors import DataError
from detector.types import ScoreBatch

DOOR: TypeAdapter[CalibrationConfig] = TypeAdapter(CalibrationConfig)
KINDS = ("quantile", "robust_z", "pot", "block_max")


@pytest.fixture(params=KINDS)
def method(request: pytest.FixtureRequest) -> Calibration:
    return DOOR.validate_python({"kind": request.param})


def normal_scores(rows: int = 3_000, seed: int = 0) -> NDArray:
    noise = np.random.default_rng(seed).normal(size=rows + 200)
    return np.exp(0.15 * lfilter([1], [1, -0.9], noise)[200:])


def batch(score: NDArray) -> ScoreBatch:
    rows = len(score)
    return ScoreBatch(
        np.zeros(rows, np.int32),
        np.arange(rows, dtype=np.int64),
        score,
        np.ones((rows, 1), np.float32),
        np.zeros(rows, bool),
    )


def test_the_table_is_complete_and_its_schema_lists_it() -> None:
    assert set(DOOR.json_schema()["discriminator"]["mapping"]) == set(KINDS)
    assert DEFAULT.kind == "pot"
    with pytest.raises(ValidationError, match="'pot', 'block_max', 'quantile', 'robust_z'"):
        DOOR.validate_python({"kind": "guess"})


def test_normal_rows_rarely_reach_the_limit_and_great_scores_always_do(method: Calibration) -> None:
    calibrator = method.fit(normal_scores(), 10_080.0)
    decisions = calibrator.decide(batch(np.concatenate([normal_scores(seed=1), [50.0]])))
    assert decisions.is_anomaly[:-1].mean() < 0.01
    assert decisions.is_anomaly[-1]
    assert decisions.anomaly_score[-1] == 50.0 / calibrator.limit


def test_one_is_the_limit_and_a_missing_score_is_no_anomaly(method: Calibration) -> None:
    calibrator = method.fit(normal_scores())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        decisions = calibrator.decide(
            batch(np.array([calibrator.limit, np.nextafter(calibrator.limit, 0), np.nan, 0.0]))
        )
    assert decisions.is_anomaly.tolist() == [True, False, False, False]
    np.testing.assert_array_equal(decisions.anomaly_score[[0, 2, 3]], [1.0, np.nan, 0.0])
    np.testing.assert_array_equal(np.isnan(decisions.p_value), [False, False, True, False])


def test_p_values_of_normal_rows_are_uniform_and_fall_with_the_score(method: Calibration) -> None:
    calibrator = method.fit(normal_scores(20_000))
    p = calibrator.p_value(normal_scores(20_000, seed=2))
    np.testing.assert_allclose(np.quantile(p, [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=0.05)
    ladder = calibrator.p_value(np.linspace(0, 10, 50))
    assert (np.diff(ladder) <= 0).all()
    assert ladder[0] == 1.0
    assert ladder[-1] == 1 / 20_001


def test_the_limit_scales_with_the_scores(method: Calibration) -> None:
    assert method.fit(4 * normal_scores()).limit == pytest.approx(4 * method.fit(normal_scores()).limit)


def test_missing_scores_and_several_runs_change_little(method: Calibration) -> None:
    scores = normal_scores(6_000)
    holed = scores.copy()
    holed[::50] = np.nan
    whole = method.fit(scores).limit
    assert method.fit([holed[:2_000], holed[2_000:], np.empty(0)]).limit == pytest.approx(whole, rel=0.15)


@pytest.mark.parametrize(
    "scores",
    [
        np.zeros(500),
        np.full(500, 0.7),
        np.array([0.3]),
        np.array([0.1, 0.2]),
        np.linspace(0, 1, 30),
        np.append(np.zeros(900), [1.0]),
        np.append(np.ones(20), [np.nan, np.inf, 1e12]),
        np.repeat([0.0, 1.0], 200),
    ],
    ids=["zeros", "constant", "one", "two", "short", "one peak", "infinite", "two values"],
)
@pytest.mark.parametrize("rows_per_week", [None, 604_800.0, 1.0])
def test_finite_above_the_median_and_quiet_on_poor_input(
    method: Calibration, scores: NDArray, rows_per_week: float | None
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        calibrator = method.fit(scores, rows_per_week)
    assert np.isfinite(calibrator.limit)
    assert calibrator.limit > max(float(np.median(scores[np.isfinite(scores)])), 0)


@pytest.mark.parametrize("scores", [np.empty(0), np.full(9, np.nan), []], ids=["empty", "missing", "no run"])
def test_no_score_at_all_is_refused(method: Calibration, scores: NDArray | list[NDArray]) -> None:
    with pytest.raises(DataError, match="give more training rows"):
        method.fit(scores)


def test_arrays_and_json_bring_it_back(method: Calibration) -> None:
    calibrator = method.fit(normal_scores(), 10_080.0)
    again = Calibrator.from_tensors(calibrator.tensors(), calibrator.note)
    scores = normal_scores(seed=3)
    np.testing.assert_array_equal(
        again.decide(batch(scores)).anomaly_score, calibrator.decide(batch(scores)).anomaly_score
    )
    np.testing.assert_array_equal(again.p_value(scores), calibrator.p_value(scores))
    assert DOOR.validate_python(json.loads(DOOR.dump_json(method))) == method


def test_unknown_settings_are_refused(method: Calibration) -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        DOOR.validate_python({"kind": method.kind, "alarms_per_wek": 1})
