"""An autoencoder whose code hardly follows small changes of the window."""

from collections.abc import Iterator
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from detector.models.backbones.base import Backbone, Shape
from detector.models.base import Autoencoder, Batch, Progress, Terms, Variant

_STEP = 1e-2


class Contractive(Autoencoder):
    """Penalises the squared Frobenius norm of the encoder's Jacobian."""

    def __init__(self, config: "ContractiveConfig", shape: Shape, backbone: Backbone):
        super().__init__(config, shape, backbone)
        self.weight = config.weight

    def objectives(self, batch: Batch, progress: Progress) -> Iterator[tuple[str, Terms]]:
        """As in ``Autoencoder``."""
        z = self.encoder(batch.x)
        yield (
            "model",
            {
                "reconstruction": self.reconstruction(batch, self.decoder(z)),
                "contraction": self.weight * self._sensitivity(batch, z, progress.generator),
            },
        )

    def _sensitivity(self, batch: Batch, z: Tensor, generator: torch.Generator) -> Tensor:
        """Estimates ||dz/dx||² of every window, [B], by one random direction of the observed elements.

        The squared change along u ~ N(0, I) is ||J||² in expectation, and a difference needs no second derivative.
        """
        shape, x = batch.observed.shape, batch.x
        direction = torch.randn(shape, generator=generator, device=x.device) * batch.observed
        moved = torch.cat([x[..., : shape[2]] + _STEP * direction, x[..., shape[2] :]], 2)
        return ((self.encoder(moved) - z) / _STEP).square().sum(1)

    def diagnostics(self, batch: Batch) -> dict[str, float]:
        """Mean estimate of the squared norm of the Jacobian."""
        generator = torch.Generator(batch.x.device).manual_seed(0)
        return {"sensitivity": self._sensitivity(batch, self.encode(batch.x), generator).mean().item()}


class ContractiveConfig(Variant):
    """Adds weight * ||d z / d x||² (Frobenius).

    Paper: Rifai, Vincent, Muller, Glorot & Bengio 2011, eq. 4; the norm is estimated as by Hutchinson 1990.
    """

    kind: Literal["contractive"] = "contractive"
    weight: float = Field(default=1e-4, ge=0, description="Weight of the penalty")

    def build(self, shape: Shape, backbone: Backbone) -> Contractive:
        """As in ``Variant``."""
        return Contractive(self, shape, backbone)
