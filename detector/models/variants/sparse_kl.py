"""An autoencoder whose code units are seldom active, by divergence from a wanted rate."""

from collections.abc import Iterator
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from detector.models.backbones.base import Backbone, Shape
from detector.models.base import Autoencoder, Batch, Progress, Terms, Variant


class SparseKl(Autoencoder):
    """Code in (0, 1) whose mean over the batch is pulled to ``rate``, unit by unit."""

    def __init__(self, config: "SparseKlConfig", shape: Shape, backbone: Backbone):
        super().__init__(config, shape, backbone)
        self.rate = config.rate
        self.beta = config.beta

    def read(self, encoded: Tensor) -> Tensor:
        """As in ``Autoencoder``."""
        return torch.sigmoid(encoded)

    def objectives(self, batch: Batch, progress: Progress) -> Iterator[tuple[str, Terms]]:
        """As in ``Autoencoder``."""
        z = self.encode(batch.x)
        mean = z.mean(0).clamp(1e-6, 1 - 1e-6)
        divergence = self.rate * torch.log(self.rate / mean) + (1 - self.rate) * torch.log((1 - self.rate) / (1 - mean))
        yield (
            "model",
            {
                "reconstruction": self.reconstruction(batch, self.decoder(z)),
                "sparsity": self.beta * divergence.sum(),
            },
        )

    def diagnostics(self, batch: Batch) -> dict[str, float]:
        """Mean activation of all units, which should be the rate."""
        return {"mean_activation": self.encode(batch.x).mean().item()}


class SparseKlConfig(Variant):
    """Adds beta * sum over units of KL(rate || mean activation).

    Paper: Ng 2011, CS294A lecture notes, section 3.
    """

    undercomplete: ClassVar[bool] = False

    kind: Literal["sparse_kl"] = "sparse_kl"
    code_size: int | None = Field(default=32, ge=1, description="Size of the code; null takes the backbone's own")
    rate: float = Field(default=0.25, gt=0, lt=1, description="Wanted mean activation of every unit")
    beta: float = Field(default=1.0, ge=0, description="Weight of the divergence")

    def build(self, shape: Shape, backbone: Backbone) -> SparseKl:
        """As in ``Variant``."""
        return SparseKl(self, shape, backbone)
