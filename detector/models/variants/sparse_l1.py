"""An autoencoder with more code units than the window has elements, few of them on at a time."""

from collections.abc import Iterator
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from detector.models.backbones.base import Backbone, Shape
from detector.models.base import Autoencoder, Batch, Progress, Terms, Variant

_MOST_UNITS = 2048


class SparseL1(Autoencoder):
    """Rectified code, penalised by its sum."""

    def __init__(self, config: "SparseL1Config", shape: Shape, backbone: Backbone):
        size = config.code_size or min(2 * shape.elements, _MOST_UNITS)
        super().__init__(config.model_copy(update={"code_size": size}), shape, backbone)
        self.weight = config.weight

    def read(self, encoded: Tensor) -> Tensor:
        """As in ``Autoencoder``."""
        return torch.relu(encoded)

    def objectives(self, batch: Batch, progress: Progress) -> Iterator[tuple[str, Terms]]:
        """As in ``Autoencoder``."""
        z = self.encode(batch.x)
        # The code is not negative, so its sum is its L1 norm.
        yield (
            "model",
            {
                "reconstruction": self.reconstruction(batch, self.decoder(z)),
                "sparsity": self.weight * z.sum(1),
            },
        )

    def diagnostics(self, batch: Batch) -> dict[str, float]:
        """Share of units that are off in a window, on average."""
        return {"inactive_ratio": (self.encode(batch.x) == 0).float().mean().item()}


class SparseL1Config(Variant):
    """Adds weight * sum |h| to the loss of an overcomplete code h.

    Paper: Olshausen & Field 1996, eq. 2, with an encoder in place of the inference.
    """

    undercomplete: ClassVar[bool] = False

    kind: Literal["sparse_l1"] = "sparse_l1"
    code_size: int | None = Field(
        default=None, ge=1, description="Size of the code; null takes twice the window's elements, at most 2048"
    )
    weight: float = Field(default=1e-3, ge=0, description="Weight of the penalty")

    def build(self, shape: Shape, backbone: Backbone) -> SparseL1:
        """As in ``Variant``."""
        return SparseL1(self, shape, backbone)
