import numpy as np
import pytest
from sklearn.decomposition import PCA

from detector.evaluation.auc import auc_roc
from detector.evaluation.baselines import BASELINES, Series, centred
from detector.evaluation.matrix_profile import nearest_shape

WIDTH = 40


def series(channels: int = 2) -> tuple[Series, np.ndarray]:
    rng = np.random.default_rng(0)
    t = np.arange(1000)[:, None]
    rows = np.sin(t / 5 + np.arange(channels)) + 0.1 * rng.standard_normal((1000, channels))
    labels = np.zeros(600, bool)
    labels[300:360] = True
    rows[700:760] *= 3
    rows = rows.astype(np.float32)
    return Series(rows[:400], rows[400:]), labels


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("name", [name for name in BASELINES if name not in ("random", "matrix profile")])
def test_all_find_what_is_loud(name: str, channels: int) -> None:
    given, labels = series(channels)
    baseline = BASELINES[name]
    scores = baseline.score(given)
    assert scores.shape == labels.shape
    ranked = centred(scores, given.window) if baseline.windowed else scores
    assert auc_roc(labels, ranked) > 0.85
    assert np.array_equal(scores, baseline.score(given))


@pytest.mark.parametrize("name", [name for name in BASELINES if name != "random"])
def test_scores_are_causal(name: str) -> None:
    given, _ = series()
    cut = Series(given.train, given.test[:350])
    assert BASELINES[name].score(cut) == pytest.approx(BASELINES[name].score(given)[:350], rel=1e-3, abs=1e-3)


def test_random_tells_nothing() -> None:
    given, labels = series()
    assert auc_roc(labels, BASELINES["random"].score(given)) == pytest.approx(0.5, abs=0.1)


def test_projection_error_is_that_of_scikit_learn() -> None:
    given, _ = series()
    learnt, seen = given.learnt(6000), np.concatenate(list(given.seen()))
    theirs = PCA(0.9, svd_solver="full").fit(learnt.astype(np.float64))
    error = np.square(seen - theirs.inverse_transform(theirs.transform(seen))).mean(axis=1)
    assert BASELINES["PCA projection error"].score(given) == pytest.approx(error, rel=1e-3)


def test_the_profile_is_the_nearest_standardised_distance() -> None:
    rng = np.random.default_rng(2)
    rows, known = 100 + rng.standard_normal(90).cumsum(), 100 + rng.standard_normal(70).cumsum()

    def shapes(of: np.ndarray) -> np.ndarray:
        view = np.lib.stride_tricks.sliding_window_view(of, 8)
        return (view - view.mean(axis=1, keepdims=True)) / view.std(axis=1, keepdims=True)

    expected = np.linalg.norm(shapes(rows)[:, None] - shapes(known)[None], axis=2).min(axis=1)
    assert nearest_shape(rows, known, 8) == pytest.approx(expected, abs=1e-6)


def test_the_profile_finds_a_strange_shape_and_knows_flat_stretches() -> None:
    rows = np.sin(np.arange(600) / 5)
    rows[300:332] = np.sin(np.arange(32) / 2)
    found = nearest_shape(rows[200:], rows[:200], 32)
    assert 70 <= found.argmax() <= 130
    flat = np.zeros(100)
    assert nearest_shape(flat, np.append(rows[:100], flat), 32) == pytest.approx(np.zeros(69))
    assert nearest_shape(flat, rows[:100], 32) == pytest.approx(np.full(69, np.sqrt(32)))


def test_centring_moves_scores_half_a_window_back() -> None:
    assert centred(np.arange(6.0), 4).tolist() == [2, 3, 4, 5, 5, 5]
    assert centred(np.arange(3.0), 1).tolist() == [0, 1, 2]
