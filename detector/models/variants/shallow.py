"""The least deep autoencoder a backbone can be."""

from typing import Literal

from detector.models.backbones.base import Backbone, Shape
from detector.models.base import Autoencoder, Variant


class ShallowConfig(Variant):
    """One layer each side: linear on ``dense``, a single strided or recurrent layer around the code elsewhere.

    Paper: Bourlard & Kamp 1988; without a hidden layer it learns the subspace of PCA.
    """

    kind: Literal["shallow"] = "shallow"

    def build(self, shape: Shape, backbone: Backbone) -> Autoencoder:
        """As in ``Variant``; the backbone's own depth is not used."""
        return Autoencoder(self, shape, backbone.model_copy(update={"depth": backbone.least_depth}))
