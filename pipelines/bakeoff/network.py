"""A trained network as functions of arrays, a block of windows at a time."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from detector.models.base import Autoencoder
from detector.models.generative import Generative
from detector.types import Floats

BLOCK = 512


class Network:
    """Rebuilds, encodes, decodes and makes up windows.

    Args:
        model: in evaluation mode, on the CPU.
    """

    def __init__(self, model: Autoencoder) -> None:
        self.model = model

    @property
    def parameters(self) -> int:
        """Numbers that were learnt or counted: parameters and buffers."""
        return sum(tensor.numel() for tensor in self.model.state_dict().values())

    @property
    def generative(self) -> bool:
        """Whether it can make up windows."""
        return isinstance(self.model, Generative)

    def rebuild(self, windows: Floats) -> Floats:
        """Returns what is expected in place of windows, [B, T, F]."""
        return _mapped(self.model.reconstruct, windows)

    def encode(self, windows: Floats) -> Floats:
        """Returns codes [B, D] of windows."""
        return _mapped(self.model.encode, windows)

    def decode(self, codes: Floats) -> Floats:
        """Returns windows [B, T, F] of codes."""
        return _mapped(self.model.decode, codes)

    def error(self, windows: Floats) -> Floats:
        """Returns the mean squared error of every window, [B] float64; squared, so that residuals cannot cancel."""
        return np.square(self.rebuild(windows) - windows, dtype=np.float64).mean(axis=(1, 2))

    def sample(self, count: int, seed: int) -> Floats:
        """Returns made-up windows [count, T, F] of a generative model."""
        assert isinstance(self.model, Generative)
        with torch.inference_mode():
            return self.model.sample(count, torch.Generator().manual_seed(seed)).numpy()


def _mapped(function: Callable[[Tensor], Tensor], rows: Floats) -> Floats:
    with torch.inference_mode():
        parts = [function(torch.from_numpy(rows[i : i + BLOCK])).numpy() for i in range(0, len(rows), BLOCK)]
    return np.concatenate(parts)
