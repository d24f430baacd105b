"""How much of the noise on a signal a model takes away."""

import numpy as np

from detector.evaluation.imputation import Rebuild
from detector.types import Floats


def denoising_gain_db(rebuild: Rebuild, windows: Floats, noise_sd: float, seed: int) -> float:
    """Signal-to-noise ratio after the model over that before it, in decibels; 0 changes nothing, above 0 it helps.

    Args:
        rebuild: the model.
        windows: [B, T, F] float32, taken for clean.
        noise_sd: standard deviation (not variance) of the Gaussian noise that is added.
        seed: of the noise.
    """
    noise = np.random.default_rng(seed).normal(0, noise_sd, windows.shape).astype(np.float32)
    left = rebuild(windows + noise) - windows
    return float(10 * np.log10(np.square(noise, dtype=np.float64).sum() / np.square(left, dtype=np.float64).sum()))
