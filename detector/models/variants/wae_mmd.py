"""The Wasserstein autoencoder: codes as a whole follow the prior, single ones need not."""

from collections.abc import Iterator
from typing import Literal

import torch
from pydantic import Field

from detector.models.backbones.base import Backbone, Shape
from detector.models.base import Batch, Progress, Terms, Variant
from detector.models.generative import NormalPrior
from detector.models.mmd import mmd


class WaeMmd(NormalPrior):
    """Deterministic code, pulled to a standard normal batch by batch."""

    def __init__(self, config: "WaeMmdConfig", shape: Shape, backbone: Backbone):
        super().__init__(config, shape, backbone)
        self.weight = config.weight

    def objectives(self, batch: Batch, progress: Progress) -> Iterator[tuple[str, Terms]]:
        """As in ``Autoencoder``."""
        z = self.encoder(batch.x)
        prior = torch.randn(z.shape, generator=progress.generator, device=z.device)
        yield (
            "model",
            {
                "reconstruction": self.reconstruction(batch, self.decoder(z)),
                "mmd": self.weight * mmd(z, prior),
            },
        )

    def diagnostics(self, batch: Batch) -> dict[str, float]:
        """Discrepancy between codes and prior, before its weight."""
        z = self.encode(batch.x)
        prior = torch.randn(z.shape, generator=torch.Generator(z.device).manual_seed(0), device=z.device)
        return {"mmd": mmd(z, prior).item()}


class WaeMmdConfig(Variant):
    """Reconstruction plus weight times the maximum mean discrepancy between codes and prior.

    Paper: Tolstikhin, Bousquet, Gelly & Schölkopf 2018, algorithm 2.
    """

    kind: Literal["wae_mmd"] = "wae_mmd"
    weight: float = Field(default=10.0, ge=0, description="Weight of the discrepancy")

    def build(self, shape: Shape, backbone: Backbone) -> WaeMmd:
        """As in ``Variant``."""
        return WaeMmd(self, shape, backbone)
