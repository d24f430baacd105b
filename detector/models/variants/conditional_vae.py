"""The variational autoencoder that is told under which conditions a window was taken."""

from typing import Literal

import torch
from torch import Tensor

from detector.models.backbones.base import Backbone, Shape
from detector.models.variants.vae import Vae, Variational


class ConditionalVae(Vae):
    """Decodes a latent together with the conditions of the newest row; the encoder sees those of all rows.

    A code is the latent followed by the conditions, so it can be decoded by itself. Windows without conditions make
    it a plain VAE.
    """

    def __init__(self, config: "ConditionalVaeConfig", shape: Shape, backbone: Backbone):
        super().__init__(config, shape, backbone, conditions=shape.conditions)
        self.latent_size, self.code_size = self.code_size, self.code_size + shape.conditions

    def code(self, z: Tensor, x: Tensor) -> Tensor:
        """As in ``Vae``."""
        return torch.cat([z, x[:, -1, self.shape.channels :]], 1)

    def sample(self, count: int, generator: torch.Generator, conditions: Tensor | None = None) -> Tensor:
        """As in ``Generative``, under ``conditions`` [count, C]; without any under zeros."""
        device = generator.device
        if conditions is None:
            conditions = torch.zeros(count, self.shape.conditions, device=device)
        z = torch.randn(count, self.latent_size, generator=generator, device=device)
        return self.decode(torch.cat([z, conditions], 1))


class ConditionalVaeConfig(Variational):
    """A variational autoencoder of x given c, such as the hour, the weekday or the class of a device.

    Paper: Sohn, Lee & Yan 2015, eq. 4.
    """

    kind: Literal["conditional_vae"] = "conditional_vae"

    def build(self, shape: Shape, backbone: Backbone) -> ConditionalVae:
        """As in ``Variant``."""
        return ConditionalVae(self, shape, backbone)
