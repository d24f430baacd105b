"""An autoencoder whose codes a discriminator cannot tell from the prior."""

from collections.abc import Iterator
from typing import Literal

import torch
import torch.nn.functional as fn
from pydantic import Field
from torch import Tensor, nn

from detector.models.backbones.base import Backbone, Shape
from detector.models.base import Batch, Progress, Terms, Variant
from detector.models.generative import NormalPrior


class Adversarial(NormalPrior):
    """Three phases a step: rebuild, tell codes from the prior, make codes that cannot be told."""

    def __init__(self, config: "AdversarialConfig", shape: Shape, backbone: Backbone):
        super().__init__(config, shape, backbone)
        width = config.discriminator_width
        self.discriminator = nn.Sequential(
            nn.Linear(self.code_size, width), nn.LeakyReLU(0.2), nn.Linear(width, width), nn.LeakyReLU(0.2),
            nn.Linear(width, 1),
        )  # fmt: skip

    def groups(self) -> dict[str, list[nn.Parameter]]:
        """Encoder and decoder; discriminator; encoder."""
        encoder = list(self.encoder.parameters())
        return {
            "autoencoder": [*encoder, *self.decoder.parameters()],
            "discriminator": list(self.discriminator.parameters()),
            "encoder": encoder,
        }

    def objectives(self, batch: Batch, progress: Progress) -> Iterator[tuple[str, Terms]]:
        """As in ``Autoencoder``."""
        yield "autoencoder", {"reconstruction": self.reconstruction(batch, self.decoder(self.encoder(batch.x)))}
        with torch.no_grad():
            codes = self.encoder(batch.x)
        prior = torch.randn(codes.shape, generator=progress.generator, device=codes.device)
        yield "discriminator", {"discriminator": self._loss(prior, 1.0) + self._loss(codes, 0.0)}
        yield "encoder", {"deception": self._loss(self.encoder(batch.x), 1.0)}

    def _loss(self, codes: Tensor, label: float) -> Tensor:
        judged = self.discriminator(codes).squeeze(1)
        return fn.binary_cross_entropy_with_logits(judged, torch.full_like(judged, label), reduction="none")

    def diagnostics(self, batch: Batch) -> dict[str, float]:
        """How sure the discriminator is that a code is from the prior, on average; 0.5 is undecided."""
        return {"taken_for_prior_ratio": torch.sigmoid(self.discriminator(self.encode(batch.x))).mean().item()}


class AdversarialConfig(Variant):
    """A discriminator on the code takes the place of the divergence.

    Paper: Makhzani, Shlens, Jaitly, Goodfellow & Frey 2016, section 2.
    """

    kind: Literal["adversarial"] = "adversarial"
    discriminator_width: int = Field(default=64, ge=1, description="Nodes of both layers of the discriminator")

    def build(self, shape: Shape, backbone: Backbone) -> Adversarial:
        """As in ``Variant``."""
        return Adversarial(self, shape, backbone)
