"""How near made-up windows come to real ones: to a classifier, in their autocorrelation and in their spectrum."""

import numpy as np
from numpy.typing import NDArray

from detector.types import Floats

TREES = 40


def discriminative_score(real: Floats, made: Floats, noise_sd: float, seed: int) -> float:
    """Accuracy of a classifier of real against made-up windows, minus one half: 0 cannot tell, 0.5 always can.

    The classifier is a forest of randomised trees, fitted to one half of both and asked about the other, both ways
    round. Both sides get the same noise first: without it, values that real data repeats exactly (a blank pixel, a
    valve that is shut) give every model away, however good it is. Needs scikit-learn.

    Args:
        real: [N, T, F], N >= 2.
        made: [N, T, F].
        noise_sd: standard deviation of the noise.
        seed: of the noise, the halves and the trees.

    Paper: Yoon, Jarrett & van der Schaar 2019, "Time-series generative adversarial networks", section 5.1; trees of
    Geurts, Ernst & Wehenkel 2006 in place of their recurrent network; noise as Arjovsky & Bottou 2017, section 3.
    """
    from sklearn.ensemble import ExtraTreesClassifier

    rng = np.random.default_rng(seed)
    flat = [rng.permutation(windows.reshape(len(windows), -1)) for windows in (real, made)]
    flat = [windows + noise_sd * rng.standard_normal(windows.shape) for windows in flat]
    half = len(real) // 2
    parts = [
        (np.concatenate([windows[cut] for windows in flat]), np.repeat([0, 1], [len(windows[cut]) for windows in flat]))
        for cut in (slice(0, half), slice(half, None))
    ]
    accuracy = [
        ExtraTreesClassifier(TREES, random_state=seed).fit(*learnt).score(*asked)
        for learnt, asked in (parts, reversed(parts))
    ]
    return abs(float(np.mean(accuracy)) - 0.5)


def autocorrelation_distance(real: Floats, made: Floats) -> float:
    """Mean absolute difference of the autocorrelations, over channels and lags from 1 to half a window.

    Args:
        real: [N, T, F], T >= 2.
        made: [M, T, F].

    Returns:
        0 for equal autocorrelations, at most 2.
    """
    return float(np.abs(_autocorrelation(real) - _autocorrelation(made)).mean())


def spectrum_distance(real: Floats, made: Floats) -> float:
    """Share of the power that lies at other frequencies: total variation of mean spectra, mean over channels.

    Args:
        real: [N, T, F], T >= 2.
        made: [M, T, F].

    Returns:
        0 for spectra of equal form, 1 where no frequency is shared. The mean of a window counts as a frequency.
    """
    return float(0.5 * np.abs(_spectrum(real) - _spectrum(made)).sum(axis=0).mean())


def _autocorrelation(windows: Floats) -> NDArray[np.float64]:
    """Mean over windows [lags, F], around the mean of all windows; a channel that never moves has none."""
    moved = windows.astype(np.float64) - windows.mean(axis=(0, 1), dtype=np.float64)
    variance = np.square(moved).mean(axis=(0, 1))
    steps = windows.shape[1]
    lags = range(1, steps // 2 + 1)
    found = [(moved[:, lag:] * moved[:, : steps - lag]).mean(axis=(0, 1)) for lag in lags]
    return np.divide(found, variance, out=np.zeros((len(lags), windows.shape[2])), where=variance > 0)


def _spectrum(windows: Floats) -> NDArray[np.float64]:
    """Share of every frequency in the power, [frequencies, F]."""
    moved = windows.astype(np.float64) - windows.mean(axis=(0, 1), dtype=np.float64)
    power = np.square(np.abs(np.fft.rfft(moved, axis=1))).mean(axis=0)
    total = power.sum(axis=0)
    return np.divide(power, total, out=np.zeros_like(power), where=total > 0)
