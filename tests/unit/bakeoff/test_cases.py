"""What a bake-off is held on: digits with one left out, and series with a training part."""

import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from detector.errors import DataError
from pipelines.bakeoff.config import BakeoffConfig
from pipelines.bakeoff.contest import heats, runs
from pipelines.bakeoff.digits import digits, plan
from pipelines.bakeoff.entrants import entrants
from pipelines.bakeoff.series import series

ROWS = 900


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Two waves; every hundredth row of the second half is a spike of the first."""
    row = np.arange(ROWS)
    spikes = (row > 450) & (row % 100 == 0)
    noise = np.random.default_rng(0).normal(0, 0.1, (2, ROWS))
    frame = pd.DataFrame({"timestamp": row, "one": np.sin(row / 5) + noise[0] + 9 * spikes, "two": np.cos(row / 5)})
    frame["is_anomaly"] = spikes.astype(int)
    found = tmp_path / "waves.csv.gz"
    found.write_bytes(gzip.compress(frame.to_csv(index=False).encode()))
    return found


def test_the_digit_held_out_is_the_anomaly_and_nowhere_else() -> None:
    case = digits("3", seed=0, unit_range=False)
    assert case.learn.shape[1:] == (8, 8)
    assert len(case.learn) + len(case.test) == 1797
    assert case.labels.sum() == 183
    assert 3 not in set(case.probe.classes) | set(case.asked.classes)
    assert len(set(case.probe.classes)) == 9
    whole = np.concatenate([case.learn, case.later])
    assert abs(whole.mean()) < 1e-4
    assert whole.std() == pytest.approx(1, abs=1e-4)
    assert not case.ordered


def test_digits_for_a_likelihood_of_bits_stay_between_nought_and_one() -> None:
    case = digits("3", seed=0, unit_range=True)
    assert case.test.min() == 0
    assert case.test.max() == 1


def test_each_digit_is_held_out_in_turn_with_a_seed_of_its_own() -> None:
    assert list(plan(5, 7)) == [(str(digit), 7 + digit) for digit in range(10)]
    assert [digit for digit, _ in plan(12, 0)][10:] == ["0", "1"]


def test_a_series_is_cut_by_its_manifest_and_no_label_is_learnt(path: Path) -> None:
    (path.parent / "manifest.json").write_text(json.dumps({"series": [{"file": path.name, "train_rows": 450}]}))
    case = series(path, BakeoffConfig(data=(path,), window=16))
    assert case.channels == ("one", "two")
    assert len(case.test) == len(case.labels) == ROWS - 450
    assert case.labels.sum() == 4, "every row is judged by the window that ends at it"
    assert len(case.learn) == 315 - 15
    assert len(case.later) == 135 - 15
    spike = int(np.flatnonzero(case.labels)[0])
    assert np.abs(case.test[spike, -1, 0]) > 4
    assert np.abs(case.test[spike - 1]).max() < 4


def test_without_a_manifest_the_ratio_cuts_and_newest_rows_are_learnt(path: Path) -> None:
    case = series(path, BakeoffConfig(data=(path,), window=16, train_ratio=0.5, learn_rows=200, rows=300))
    assert len(case.learn) == 140 - 15
    assert len(case.test) == 300


def test_a_series_for_a_likelihood_of_bits_is_clipped_to_the_range_of_training(path: Path) -> None:
    case = series(path, BakeoffConfig(data=(path,), window=16, train_ratio=0.5, loss="bce"))
    assert case.learn.min() == 0
    assert case.test.max() == 1


def test_the_probe_asks_for_anomalous_windows_among_rows_it_did_not_learn_from(path: Path) -> None:
    case = series(path, BakeoffConfig(data=(path,), window=16, train_ratio=0.5))
    for known in (case.probe, case.asked):
        spiked = np.abs(known.codes.reshape(-1, 16, 2)[..., 0]).max(axis=1) > 4
        assert np.array_equal(spiked, known.classes > 0)
        assert 0 < known.classes.sum() < len(known.classes)
    rows = [{row.tobytes() for row in known.codes.reshape(-1, 2)} for known in (case.probe, case.asked)]
    assert not rows[0] & rows[1]


@pytest.mark.parametrize(
    "change, complaint",
    [
        ({"rows": 10}, "no labelled anomaly in the 10 rows after row 450"),
        ({"train_ratio": 0.1, "window": 32}, "too few for windows of 32 rows"),
    ],
)
def test_what_cannot_be_judged_is_said_in_a_sentence(path: Path, change: dict[str, float], complaint: str) -> None:
    config = BakeoffConfig.model_validate({"data": (path,), "window": 16, "train_ratio": 0.5} | change)
    with pytest.raises(DataError, match=complaint):
        series(path, config)


def test_series_are_crossed_with_seeds_and_the_same_for_every_entrant(path: Path) -> None:
    config = BakeoffConfig(data=(path, path), seeds=3, variants=("deep",), backbones=("dense",))
    assert [seed for _, seed in runs(config)] == [0, 0, 1, 1, 2, 2]
    names = [entrant.name for entrant in entrants(config)]
    assert names == ["deep-dense", "untrained-dense", "pca-dense", "raw window"]
    planned = heats(config)
    assert len(planned) == 4 * 6
    assert sum(heat.pictured for heat in planned) == 2, "the first training of each model"
