"""An autoencoder that learns to undo noise and missing stretches."""

from collections.abc import Iterator
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from detector.models.backbones.base import Backbone, Shape
from detector.models.base import Autoencoder, Batch, Progress, Terms, Variant

_SHORTEST_HOLE = 2


class Denoising(Autoencoder):
    """Sees corrupted windows in training, and always answers for the clean ones."""

    def __init__(self, config: "DenoisingConfig", shape: Shape, backbone: Backbone):
        super().__init__(config, shape, backbone)
        self.noise_sd = config.noise_sd
        self.holes_ratio = config.holes_ratio

    def objectives(self, batch: Batch, progress: Progress) -> Iterator[tuple[str, Terms]]:
        """As in ``Autoencoder``."""
        corrupted = self.corrupt(batch.x, progress.generator)
        yield "model", {"reconstruction": self.reconstruction(batch, self.decoder(self.encoder(corrupted)))}

    def corrupt(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Returns windows with holes of zeros and Gaussian noise over everything; conditions stay as they are."""
        size, steps, channels = len(x), self.shape.steps, self.shape.channels
        draw = torch.rand(3, size, 1, channels, generator=generator, device=x.device)
        longest = max(steps // 4, _SHORTEST_HOLE)
        length = (_SHORTEST_HOLE + draw[0] * (longest - _SHORTEST_HOLE + 1)).floor()
        begin = (draw[1] * (steps - length + 1)).floor()
        step = torch.arange(steps, device=x.device).view(1, steps, 1)
        kept = (draw[2] >= self.holes_ratio) | (step < begin) | (step >= begin + length)
        noise = torch.randn(size, steps, channels, generator=generator, device=x.device)
        clean, conditions = x[..., :channels], x[..., channels:]
        # Noise is not clipped: standardised data has no bounds.
        return torch.cat([clean * kept + self.noise_sd * noise, conditions], 2)


class DenoisingConfig(Variant):
    """The window with Gaussian noise and dropped segments is the input, the clean window the target.

    Paper: Vincent, Larochelle, Lajoie, Bengio & Manzagol 2010, eq. 8.
    """

    kind: Literal["denoising"] = "denoising"
    code_size: int | None = Field(default=None, ge=1, description="Size of the code; null takes the backbone's own")
    noise_sd: float = Field(default=0.5, ge=0, description="Standard deviation of the noise, in scaled units")
    holes_ratio: float = Field(
        default=0.5, ge=0, le=1, description="Share of channels with a hole of 2 to T / 4 rows, set to 0"
    )

    def build(self, shape: Shape, backbone: Backbone) -> Denoising:
        """As in ``Variant``."""
        return Denoising(self, shape, backbone)
