"""Principal components: the linear autoencoder in closed form."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from detector.models.backbones.base import Backbone, Shape
from detector.models.base import Autoencoder, Batch, Progress, Terms, Variant


class Pca(Autoencoder):
    """Projects the flattened window onto the subspace of the training windows; there is nothing to step.

    Masked elements take part with the value they were filled with.
    """

    def __init__(self, config: "PcaConfig", shape: Shape, backbone: Backbone):
        super().__init__(config, shape, backbone)
        self.variance_ratio = config.variance_ratio
        self.components = config.code_size
        # The projection replaces both networks of the backbone.
        self.encoder = nn.Identity()
        self.decoder = nn.Identity()
        self.register_buffer("mean", torch.zeros(shape.elements))
        self.register_buffer("axes", torch.zeros(shape.elements, 1))

    mean: Tensor
    axes: Tensor

    def encode(self, x: Tensor) -> Tensor:
        """As in ``Autoencoder``."""
        return (x[..., : self.shape.channels].flatten(1) - self.mean) @ self.axes

    def decode(self, z: Tensor) -> Tensor:
        """As in ``Autoencoder``."""
        return (self.mean + z @ self.axes.T).unflatten(1, (self.shape.steps, self.shape.channels))

    def groups(self) -> dict[str, list[nn.Parameter]]:
        """None."""
        return {}

    def objectives(self, batch: Batch, progress: Progress) -> Iterator[tuple[str, Terms]]:
        """None."""
        return iter(())

    def held_out(self, batch: Batch) -> Tensor:
        """As in ``Autoencoder``."""
        error = (batch.x[..., : self.shape.channels] - self.reconstruct(batch.x)).square()
        return (error * batch.observed).sum((1, 2))

    def begin(self, batches: Iterable[Batch]) -> None:
        """Fits the subspace, in float64 and by the smaller of the two Gram matrices."""
        rows = torch.cat([batch.x[..., : self.shape.channels].flatten(1) for batch in batches]).double()
        mean = rows.mean(0)
        rows = rows - mean
        wide = rows.shape[1] > len(rows)
        values, vectors = torch.linalg.eigh(rows @ rows.T if wide else rows.T @ rows)
        values, vectors = values.flip(0).clamp_min(0), vectors.flip(1)
        count = self.components or int((values.cumsum(0) < self.variance_ratio * values.sum()).sum()) + 1
        count = min(count, int((values > 1e-12 * values[0]).sum()) or 1)
        axes = vectors[:, :count]
        if wide:
            axes = rows.T @ axes / values[:count].sqrt().clamp_min(1e-12)
        # The sign of an axis is free: the largest element is made positive, so that it is the same everywhere.
        largest = axes.gather(0, axes.abs().argmax(0, keepdim=True))
        self.mean, self.axes = mean.float(), (axes * torch.where(largest < 0, -1.0, 1.0)).float().contiguous()
        self.code_size = count

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Takes as many axes as were saved."""
        self.axes = self.axes.new_zeros(state_dict["axes"].shape)
        self.code_size = self.axes.shape[1]
        return super().load_state_dict(state_dict, strict, assign)

    def diagnostics(self, batch: Batch) -> dict[str, float]:
        """Number of components."""
        return {"components": float(self.code_size)}


class PcaConfig(Variant):
    """As many principal components as explain ``variance_ratio``, or ``code_size`` of them; no gradient.

    Paper: Pearson 1901; as the optimum of the linear autoencoder Baldi & Hornik 1989. The backbone is not used.
    """

    kind: Literal["pca"] = "pca"
    code_size: int | None = Field(default=None, ge=1, description="Components; null takes them by variance")
    loss: Literal["mse"] = "mse"
    variance_ratio: float = Field(default=0.9, gt=0, le=1, description="Share of the variance to keep")

    def build(self, shape: Shape, backbone: Backbone) -> Pca:
        """As in ``Variant``."""
        return Pca(self, shape, backbone)
