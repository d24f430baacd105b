"""Reconstruction losses, element by element, and the head that each asks of the decoder."""

import math
from typing import Literal, Protocol

import torch
import torch.nn.functional as fn
from torch import Tensor

LossName = Literal["mse", "bce", "gaussian_nll"]

_MOST_LOG_VARIANCE = 6.0


class Loss(Protocol):
    """One reconstruction loss.

    Attributes:
        outputs: decoder outputs per element of the window.
        low: least value that the data may have.
        high: greatest value that the data may have.
    """

    outputs: int
    low: float
    high: float

    def mean(self, raw: Tensor) -> Tensor:
        """Returns the expected windows [B, T, F] of the decoder's output [B, T, outputs * F]."""
        ...

    def elements(self, raw: Tensor, x: Tensor) -> Tensor:
        """Returns the loss [B, T, F] of every element of x [B, T, F]."""
        ...


class Mse:
    """Squared error."""

    outputs, low, high = 1, -math.inf, math.inf

    def mean(self, raw: Tensor) -> Tensor:
        """As in ``Loss``."""
        return raw

    def elements(self, raw: Tensor, x: Tensor) -> Tensor:
        """As in ``Loss``."""
        return (raw - x).square()


class Bce:
    """Binary cross-entropy behind a sigmoid; a likelihood only for data in [0, 1]."""

    outputs, low, high = 1, 0.0, 1.0

    def mean(self, raw: Tensor) -> Tensor:
        """As in ``Loss``."""
        return raw.sigmoid()

    def elements(self, raw: Tensor, x: Tensor) -> Tensor:
        """As in ``Loss``."""
        return fn.binary_cross_entropy_with_logits(raw, x, reduction="none")


class GaussianNll:
    """Negative log-likelihood of a normal distribution whose variance the decoder gives as well.

    Paper: Nix & Weigend 1994, eq. 4. The log variance is bent into ±6, or a channel that is rebuilt exactly would
    drive it to minus infinity.
    """

    outputs, low, high = 2, -math.inf, math.inf

    def mean(self, raw: Tensor) -> Tensor:
        """As in ``Loss``."""
        return raw.chunk(2, -1)[0]

    def elements(self, raw: Tensor, x: Tensor) -> Tensor:
        """As in ``Loss``."""
        mean, free = raw.chunk(2, -1)
        log_variance = _MOST_LOG_VARIANCE * torch.tanh(free / _MOST_LOG_VARIANCE)
        return 0.5 * (log_variance + (x - mean).square() * torch.exp(-log_variance))


LOSSES: dict[LossName, Loss] = {"mse": Mse(), "bce": Bce(), "gaussian_nll": GaussianNll()}
