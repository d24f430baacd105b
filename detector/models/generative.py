"""Variants that can make up windows: their codes follow a distribution to draw from."""

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from detector.models.base import Autoencoder


@runtime_checkable
class Generative(Protocol):
    """An autoencoder with a distribution over its codes."""

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Returns synthetic windows [count, T, F]."""
        ...


class NormalPrior(Autoencoder):
    """An autoencoder whose codes are trained towards a standard normal distribution."""

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """As in ``Generative``."""
        return self.decode(torch.randn(count, self.code_size, generator=generator, device=generator.device))
