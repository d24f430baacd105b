"""The variational autoencoder."""

from collections.abc import Iterator
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from detector.models.backbones.base import Backbone, Shape
from detector.models.base import Batch, Progress, Terms, Variant
from detector.models.generative import NormalPrior

MOST_LOG_SD = 5.0
_WARM_UP_RATIO = 0.3


def kl_to_standard_normal(mu: Tensor, log_sd: Tensor) -> Tensor:
    """Returns KL(N(mu, sigma²) || N(0, I)) of every row, [B]: ½ sum(sigma² + mu² − 1 − 2 ln sigma)."""
    return 0.5 * (torch.exp(2 * log_sd) + mu.square() - 1 - 2 * log_sd).sum(1)


class Variational(Variant):
    """What the variational variants have in common: a latent of a stated size."""

    code_size: int = Field(default=16, ge=1, description="Size of the latent")

    def latent_size(self, shape: Shape) -> int:
        """Returns the size of the latent for windows of ``shape``."""
        return min(self.code_size, max(1, shape.elements // 2))


class Vae(NormalPrior):
    """Samples its code in training only; every score comes from the mean."""

    def __init__(self, config: Variational, shape: Shape, backbone: Backbone, beta: float = 1.0, conditions: int = 0):
        size = config.latent_size(shape)
        super().__init__(config, shape, backbone, encoder_size=2 * size, decoder_size=size + conditions)
        self.beta = beta
        self.settled_ratio = _WARM_UP_RATIO

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Returns mean and log standard deviation of the code of windows, [B, D] each."""
        mu, log_sd = self.encoder(x).chunk(2, 1)
        return mu, log_sd.clamp(-MOST_LOG_SD, MOST_LOG_SD)

    def encode(self, x: Tensor) -> Tensor:
        """As in ``Autoencoder``: the mean."""
        return self.code(self.posterior(x)[0], x)

    def code(self, z: Tensor, x: Tensor) -> Tensor:
        """Returns what the decoder sees of a latent [B, D] of windows x."""
        return z

    def divergence(self, x: Tensor) -> Tensor:
        """Returns how far the posterior of every window is from the prior, [B] nats; needs no decoder."""
        return kl_to_standard_normal(*self.posterior(x))

    def objectives(self, batch: Batch, progress: Progress) -> Iterator[tuple[str, Terms]]:
        """As in ``Autoencoder``."""
        mu, log_sd = self.posterior(batch.x)
        noise = torch.randn(mu.shape, generator=progress.generator, device=mu.device)
        # The divergence comes in slowly, or it empties the code before a slow decoder has learnt to read it.
        warm = min(1.0, progress.ratio / _WARM_UP_RATIO)
        decoded = self.decoder(self.code(mu + torch.exp(log_sd) * noise, batch.x))
        yield (
            "model",
            {
                "reconstruction": self.reconstruction(batch, decoded),
                "kl": warm * self.beta * kl_to_standard_normal(mu, log_sd),
            },
        )

    def held_out(self, batch: Batch) -> Tensor:
        """As in ``Autoencoder``, with the divergence."""
        return super().held_out(batch) + self.beta * self.divergence(batch.x)

    def diagnostics(self, batch: Batch) -> dict[str, float]:
        """Mean divergence from the prior in nats, before beta."""
        return {"kl": self.divergence(batch.x).mean().item()}


class VaeConfig(Variational):
    """Reconstruction plus the divergence of the code's posterior from a standard normal.

    Paper: Kingma & Welling 2014, eq. 10; warm-up of the divergence Bowman et al. 2016, section 3.1.
    """

    kind: Literal["vae"] = "vae"

    def build(self, shape: Shape, backbone: Backbone) -> Vae:
        """As in ``Variant``."""
        return Vae(self, shape, backbone)
