"""Windows on a curved surface of three dimensions: waves of any phase, frequency and height."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from detector.models.backbones.dense import DenseBackbone
from detector.models.base import Autoencoder, Variant
from detector.training.dataset import Windows
from detector.training.trainer import Trained, TrainerConfig, train

STEPS = 16


def _waves(count: int, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    phase, frequency, height = (
        generator.uniform(low, high, (count, 1, 1)) for low, high in ((0, 2 * np.pi), (0.3, 1.2), (0.5, 1.5))
    )
    angle = frequency * np.arange(STEPS)[:, None] + phase
    clean = height * np.concatenate([np.sin(angle), np.cos(angle)], 2)
    return (clean + 0.05 * generator.standard_normal(clean.shape)).astype(np.float32)


def _as_windows(x: np.ndarray, **more: object) -> Windows:
    starts = np.arange(0, x.shape[0] * STEPS, STEPS)
    return Windows(x.reshape(-1, x.shape[2]), length=STEPS, run_starts=starts, **more)


@pytest.fixture(scope="session")
def waves() -> Callable[[int, int], np.ndarray]:
    """Makes so many windows [N, 16, 2] from a seed."""
    return _waves


@pytest.fixture(scope="session")
def as_windows() -> Callable[..., Windows]:
    """Offers windows [N, 16, F] to the trainer, each a run of its own."""
    return _as_windows


@pytest.fixture(scope="session")
def held_out() -> torch.Tensor:
    return torch.from_numpy(_waves(400, seed=1))


Fit = Callable[..., Trained]


@pytest.fixture(scope="session")
def fit(held_out) -> Fit:
    """Trains a variant on the dense backbone, each one once."""
    windows, later = _as_windows(_waves(1500, seed=0)), _as_windows(held_out.numpy())
    done: dict[tuple[Variant, int], Trained] = {}

    def cached(variant: Variant, steps: int = 400) -> Trained:
        key = (variant, steps)
        if key not in done:
            config = TrainerConfig(steps=steps, learning_rate=5e-3, trim_ratio=0)
            done[key] = train(variant, DenseBackbone(width=64), windows, later, config, seed=0)
        return done[key]

    return cached


@pytest.fixture(scope="session")
def error(held_out) -> Callable[[Autoencoder], float]:
    """Mean squared error per held-out window."""
    return lambda model: (model.reconstruct(held_out) - held_out).square().sum((1, 2)).mean().item()
