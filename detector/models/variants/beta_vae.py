"""The variational autoencoder with a weight on its divergence."""

from typing import Literal

from pydantic import Field

from detector.models.backbones.base import Backbone, Shape
from detector.models.variants.vae import Vae, Variational


class BetaVaeConfig(Variational):
    """Reconstruction plus beta times the divergence: above 1 strict and smooth, below 1 loose and sharp.

    Paper: Higgins et al. 2017, eq. 4.
    """

    kind: Literal["beta_vae"] = "beta_vae"
    beta: float = Field(default=2.0, ge=0, description="Weight of the divergence")

    def build(self, shape: Shape, backbone: Backbone) -> Vae:
        """As in ``Variant``."""
        return Vae(self, shape, backbone, beta=self.beta)
