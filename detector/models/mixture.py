"""A mixture of normal distributions over codes."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

_ROUNDS = 50
_RIDGE = 1e-3


class Mixture(NamedTuple):
    """K normal distributions.

    Attributes:
        weight: [K], sums to 1.
        mean: [K, D].
        factor: [K, D, D], lower Cholesky factors of the covariances.
    """

    weight: Tensor
    mean: Tensor
    factor: Tensor

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Returns [count, D] draws."""
        which = torch.multinomial(self.weight, count, replacement=True, generator=generator)
        noise = torch.randn(count, self.mean.shape[1], 1, generator=generator, device=self.mean.device)
        return self.mean[which] + (self.factor[which] @ noise).squeeze(2)


def fit_mixture(codes: Tensor, components: int) -> Mixture:
    """Fits a mixture by expectation maximisation from evenly spread codes; deterministic.

    Paper: Dempster, Laird & Rubin 1977, section 4.3. A ridge of a thousandth of the mean variance keeps covariances
    positive.

    Args:
        codes: [N, D], N >= 1.
        components: K.
    """
    x = codes.double()
    size = x.shape[1]
    spread = (x - x.mean(0)).square().mean() + 1e-12
    ridge = _RIDGE * spread * torch.eye(size, dtype=x.dtype, device=x.device)
    mean = x[torch.linspace(0, len(x) - 1, components).round().long()]
    factor = torch.linalg.cholesky(spread * torch.eye(size, dtype=x.dtype, device=x.device) + ridge)
    factor = factor.expand(components, -1, -1)
    weight = x.new_full((components,), 1 / components)
    for _ in range(_ROUNDS):
        scaled = torch.linalg.solve_triangular(factor, (x - mean[:, None]).transpose(1, 2), upper=False)
        log_density = -0.5 * scaled.square().sum(1).T - factor.diagonal(dim1=1, dim2=2).log().sum(1)
        share = torch.softmax(weight.log() + log_density - 0.5 * size * math.log(2 * math.pi), 1)
        total = share.sum(0).clamp_min(1e-9)
        weight = total / total.sum()
        mean = share.T @ x / total[:, None]
        apart = x - mean[:, None]
        covariance = (share.T[..., None] * apart).transpose(1, 2) @ apart / total[:, None, None]
        factor = torch.linalg.cholesky(covariance + ridge)
    return Mixture(weight.float(), mean.float(), factor.float())
