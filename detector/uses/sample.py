"""Synthetic windows from a generative autoencoder."""

import numpy as np
import pandas as pd
import torch

from detector.bundle import Bundle
from detector.errors import ConfigError
from detector.models.backbones.base import Shape
from detector.models.backbones.dense import DenseBackbone
from detector.models.generative import Generative
from detector.models.variants.table import REGISTERED
from detector.types import Floats, Ints
from detector.uses.series import autoencoder


def sample(bundle: Bundle, count: int = 10, seed: int = 0, member: str | None = None) -> pd.DataFrame:
    """Makes up windows that look like the training data.

    Args:
        bundle: with an autoencoder that has a distribution over its codes.
        count: windows wanted.
        seed: the same seed gives the same windows.
        member: name of the autoencoder, the first by default.

    Returns:
        T rows for each window, one window below the other: ``window`` and ``row`` count from 0, a column per channel
        in its own unit.

    Raises:
        ConfigError: there is no such autoencoder, it cannot make up windows, or ``count`` is below 1.
    """
    coder = autoencoder(bundle, member)
    if count < 1:
        raise ConfigError(f"count is {count}; at least one window can be made.")
    if not isinstance(coder.model, Generative):
        raise ConfigError(
            f"the {coder.config.variant['kind']} autoencoder {coder.name!r} knows no distribution of its codes to draw "
            f"from; train one of {', '.join(generative())}."
        )
    with torch.inference_mode():
        drawn: Floats = coder.model.sample(count, torch.Generator().manual_seed(seed)).numpy()
    return stacked("window", np.arange(count), bundle.detector.scaler.inverse(drawn), bundle.detector.schema.names)


def generative() -> list[str]:
    """Names the variants that can make up windows."""
    shape, layers = Shape(8, 1), DenseBackbone()
    return [name for name, variant in REGISTERED.items() if isinstance(variant.build(shape, layers), Generative)]


def stacked(name: str, labels: Floats | Ints, windows: Floats, channels: tuple[str, ...]) -> pd.DataFrame:
    """Writes windows [N, T, F] one below the other: the label [N] of each under ``name``, ``row``, the channels."""
    count, length, _ = windows.shape
    found = pd.DataFrame(windows.reshape(count * length, -1), columns=list(channels))
    found.insert(0, "row", np.tile(np.arange(length), count))
    found.insert(0, name, np.repeat(labels, length))
    return found
