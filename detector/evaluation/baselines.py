"""What every detector must beat: nine simple ways to score rows, always in the table beside it.

They see rows scaled as the detector scales them. A window is flattened, and its score belongs to its newest row;
``centred`` moves it to the middle, which is how offline benchmarks run these methods and what ranks best.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from scipy.cluster.vq import kmeans

from detector.errors import ConfigError
from detector.evaluation.matrix_profile import nearest_shape
from detector.members.subspace import fit_subspace
from detector.models.backbones.base import Shape
from detector.models.backbones.conv1d import Conv1dBackbone
from detector.models.initialise import initialise
from detector.models.variants.deep import DeepConfig
from detector.types import Floats

WINDOW = 64
ELEMENTS = 4000
"""Most values of a window: with many channels it has fewer rows."""

LEARNT = 6000
REMEMBERED = 2000
CLUSTERS = 20
TREES = 100
VARIANCE_RATIO = 0.9
PROFILE_VALUES = 80_000

_BLOCK = 1024


@dataclass(frozen=True, slots=True)
class Series:
    """Rows to learn from and the rows after them, without NaN.

    Attributes:
        train: [N, F] float32, N >= 1.
        test: [M, F] float32.
        seed: of what is random.
    """

    train: Floats
    test: Floats
    seed: int = 0

    @property
    def window(self) -> int:
        """Rows of a window."""
        return max(1, min(WINDOW, len(self.train) // 5, ELEMENTS // self.train.shape[1]))

    def learnt(self, most: int) -> Floats:
        """Returns flat training windows [K, D], evenly over time; K < 2 * ``most``."""
        view = _windows(self.train, self.window)
        view = view[:: max(1, len(view) // most)]
        return view.reshape(len(view), -1)

    def seen(self) -> Iterator[Floats]:
        """Yields the flat window that ends at each test row, in blocks [b, D]."""
        before = self.train[len(self.train) - self.window + 1 :]
        view = _windows(np.concatenate([before, self.test]), self.window)
        for begin in range(0, len(view), _BLOCK):
            part = view[begin : begin + _BLOCK]
            yield part.reshape(len(part), -1)


@dataclass(frozen=True, slots=True)
class Baseline:
    """One way to score.

    Attributes:
        score: gives every test row a causal score, [M], higher is more anomalous.
        windowed: the score is of a whole window, so that ``centred`` applies.
    """

    score: Callable[[Series], Floats]
    windowed: bool = True


def centred(scores: Floats, window: int) -> Floats:
    """Moves scores from the newest row of a window to its middle; the last rows repeat the last score."""
    half = window // 2
    return np.append(scores[half:], np.full(half, scores[-1]))[: len(scores)]


def random(series: Series) -> Floats:
    """Uniform numbers: what a score without information reaches."""
    return np.random.default_rng(series.seed).random(len(series.test))


def absolute_value(series: Series) -> Floats:
    """Mean absolute deviation of the newest row from the training mean."""
    return np.abs(series.test).mean(axis=1)


def window_norm(series: Series) -> Floats:
    """Mean square of the window: the distance to the training mean, the same as a network that outputs zeros."""
    return np.concatenate([np.square(part).mean(axis=1) for part in series.seen()])


def projection_error(series: Series) -> Floats:
    """Mean square of what principal components with 90% of the variance leave of a window."""
    mean, basis = fit_subspace(series.learnt(LEARNT), variance_ratio=VARIANCE_RATIO)
    centred_parts = (part - mean for part in series.seen())
    return np.concatenate([np.square(part - (part @ basis) @ basis.T).mean(axis=1) for part in centred_parts])


def isolation_forest(series: Series) -> Floats:
    """How few random cuts set a window apart.

    Paper: Liu, Ting and Zhou 2008, "Isolation Forest", equation 2.

    Raises:
        ConfigError: scikit-learn is not installed.
    """
    try:
        from sklearn.ensemble import IsolationForest
    except ImportError as error:
        raise ConfigError(
            "the isolation forest needs scikit-learn; install it with pip install 'reconwatch[train]'."
        ) from error
    forest = IsolationForest(n_estimators=TREES, random_state=series.seed).fit(series.learnt(LEARNT))
    return np.concatenate([-forest.score_samples(part) for part in series.seen()])


def k_means(series: Series) -> Floats:
    """Distance to the nearest of 20 cluster centres of training windows.

    Paper: Lloyd 1982, "Least squares quantization in PCM".
    """
    learnt = series.learnt(REMEMBERED).astype(np.float64)
    picks = np.random.default_rng(series.seed).permutation(len(learnt))[:CLUSTERS]
    centres, _ = kmeans(learnt, learnt[picks])
    return _nearest(series, centres.astype(np.float32))


def nearest_window(series: Series) -> Floats:
    """Distance to the nearest of some 2,000 training windows."""
    return _nearest(series, series.learnt(REMEMBERED))


def matrix_profile(series: Series) -> Floats:
    """Distance between shapes, each channel on its own and then the mean, to the nearest of the newest training part.

    Paper: Yeh et al. 2016, "Matrix Profile I", the join of test and training rows.
    """
    width = series.window
    if width < 4:
        return np.zeros(len(series.test))
    kept = max(4 * width, PROFILE_VALUES // series.train.shape[1])
    train, before = series.train[-kept:], series.train[len(series.train) - width + 1 :]
    rows = np.concatenate([before, series.test]).astype(np.float64)
    channels = range(rows.shape[1])
    return np.mean([nearest_shape(rows[:, f], train[:, f].astype(np.float64), width) for f in channels], axis=0)


def untrained_autoencoder(series: Series) -> Floats:
    """Reconstruction error of a network with its first random weights: what the architecture alone is worth."""
    shape = Shape(series.window, series.test.shape[1])
    model = DeepConfig().build(shape, Conv1dBackbone())
    initialise(model, torch.Generator().manual_seed(series.seed))
    model.eval()
    found = []
    with torch.inference_mode():
        for part in series.seen():
            # A flat window holds one channel after the other.
            windows = torch.tensor(part.reshape(len(part), shape.channels, shape.steps).transpose(0, 2, 1))
            found.append((model.reconstruct(windows) - windows).square().mean((1, 2)).numpy())
    return np.concatenate(found)


BASELINES = {
    "random": Baseline(random, windowed=False),
    "absolute value": Baseline(absolute_value, windowed=False),
    "window L2 norm": Baseline(window_norm),
    "PCA projection error": Baseline(projection_error),
    "isolation forest": Baseline(isolation_forest),
    "k-means": Baseline(k_means),
    "nearest training window": Baseline(nearest_window),
    "matrix profile": Baseline(matrix_profile),
    "untrained autoencoder": Baseline(untrained_autoencoder),
}


def _windows(rows: Floats, window: int) -> Floats:
    return np.lib.stride_tricks.sliding_window_view(rows, window, axis=0)


def _nearest(series: Series, known: Floats) -> Floats:
    energy = np.square(known).sum(axis=1)
    found = []
    for part in series.seen():
        squared = np.square(part).sum(axis=1)[:, None] - 2 * (part @ known.T) + energy
        found.append(np.sqrt(np.maximum(squared.min(axis=1), 0)))
    return np.concatenate(found)
