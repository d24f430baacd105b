"""The regularised autoencoder: a deterministic stand-in for the VAE, with a density fitted afterwards."""

from collections.abc import Iterable, Iterator
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from detector.models.backbones.base import Backbone, Shape
from detector.models.base import Autoencoder, Batch, Progress, Terms, Variant
from detector.models.mixture import Mixture, fit_mixture


class Rae(Autoencoder):
    """Short codes, a decoder of small weights, and a mixture over the codes to sample from."""

    weight: Tensor
    mean: Tensor
    factor: Tensor

    def __init__(self, config: "RaeConfig", shape: Shape, backbone: Backbone):
        super().__init__(config, shape, backbone)
        self.code_weight = config.code_weight
        self.decoder_weight = config.decoder_weight
        self.components = config.components
        self.register_buffer("weight", torch.full((self.components,), 1 / self.components))
        self.register_buffer("mean", torch.zeros(self.components, self.code_size))
        self.register_buffer("factor", torch.eye(self.code_size).repeat(self.components, 1, 1))

    def objectives(self, batch: Batch, progress: Progress) -> Iterator[tuple[str, Terms]]:
        """As in ``Autoencoder``."""
        z = self.encoder(batch.x)
        squares = torch.stack([parameter.square().sum() for parameter in self.decoder.parameters()])
        yield (
            "model",
            {
                "reconstruction": self.reconstruction(batch, self.decoder(z)),
                "code": self.code_weight * 0.5 * z.square().sum(1),
                "decoder": self.decoder_weight * squares.sum(),
            },
        )

    def finish(self, batches: Iterable[Batch]) -> None:
        """Fits the mixture to the codes of normal windows."""
        codes = torch.cat([self.encode(batch.x) for batch in batches])
        self.weight, self.mean, self.factor = fit_mixture(codes, self.components)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """As in ``Generative``."""
        return self.decode(Mixture(self.weight, self.mean, self.factor).sample(count, generator))


class RaeConfig(Variant):
    """Adds ½ code_weight * ||z||² and decoder_weight * ||weights of the decoder||².

    Paper: Ghosh, Sajjadi, Vergari, Black & Schölkopf 2020, eq. 7 and section 4.
    """

    kind: Literal["rae"] = "rae"
    code_weight: float = Field(default=1e-2, ge=0, description="Weight of the squared norm of the code")
    decoder_weight: float = Field(default=1e-3, ge=0, description="Weight of the decoder's squared weights")
    components: int = Field(default=10, ge=1, description="Normal distributions in the mixture over codes")

    def build(self, shape: Shape, backbone: Backbone) -> Rae:
        """As in ``Variant``."""
        return Rae(self, shape, backbone)
