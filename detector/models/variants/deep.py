"""The plain undercomplete autoencoder."""

from typing import Literal

from detector.models.backbones.base import Backbone, Shape
from detector.models.base import Autoencoder, Variant


class DeepConfig(Variant):
    """An autoencoder whose code is smaller than the window.

    Paper: Hinton & Salakhutdinov 2006; loss ||x − x̂||².
    """

    kind: Literal["deep"] = "deep"

    def build(self, shape: Shape, backbone: Backbone) -> Autoencoder:
        """As in ``Variant``."""
        return Autoencoder(self, shape, backbone)
