"""An autoencoder with a discrete code: every slot of it is one entry of a codebook."""

from collections.abc import Iterable, Iterator
from typing import Literal, Self, cast

import torch
import torch.nn.functional as fn
from pydantic import Field
from torch import Tensor

from detector.models.backbones.base import Backbone, Shape
from detector.models.base import Autoencoder, Batch, Progress, Terms, Variant
from detector.models.codebook import Codebook


class VqVae(Autoencoder):
    """Replaces each slot by the nearest entry and passes the gradient straight through."""

    frequency: Tensor

    def __init__(self, config: "VqVaeConfig", shape: Shape, backbone: Backbone):
        size = config.slots * config.code_size
        super().__init__(config, shape, backbone, encoder_size=size, decoder_size=size)
        self.code_size, self.slots, self.beta = size, config.slots, config.beta
        self.codebook = Codebook(config.entries, config.code_size, config.moving_average)
        self.register_buffer("frequency", torch.full((config.slots, config.entries), 1 / config.entries))

    def slotted(self, x: Tensor) -> Tensor:
        """Returns the code before it is made discrete, [B, slots, D]."""
        return cast(Tensor, self.encoder(x)).reshape(-1, self.slots, self.code_size // self.slots)

    def entries(self, x: Tensor) -> Tensor:
        """Returns the number of the entry of every slot, [B, slots]."""
        return self.codebook.nearest(self.slotted(x))

    def encode(self, x: Tensor) -> Tensor:
        """As in ``Autoencoder``: the entries themselves."""
        return self.codebook.entries[self.entries(x)].flatten(1)

    def between(self, one: Tensor, other: Tensor, share: Tensor) -> Tensor:
        """As in ``Autoencoder``: each slot takes the entry nearest to the straight way."""
        codes = super().between(one, other, share).unflatten(1, (self.slots, -1))
        return self.codebook.entries[self.codebook.nearest(codes)].flatten(1)

    def begin(self, batches: Iterable[Batch]) -> None:
        """Takes first entries from the untrained encoder, so that all are near some window."""
        self.codebook.spread(torch.cat([self.slotted(batch.x).flatten(0, 1) for batch in batches]))

    def objectives(self, batch: Batch, progress: Progress) -> Iterator[tuple[str, Terms]]:
        """As in ``Autoencoder``."""
        slotted = self.slotted(batch.x)
        picked = self.codebook.nearest(slotted)
        entries = self.codebook.entries[picked]
        straight = slotted + (entries - slotted).detach()
        terms = {
            "reconstruction": self.reconstruction(batch, self.decoder(straight.flatten(1))),
            "commitment": self.beta * (slotted - entries.detach()).square().sum((1, 2)),
        }
        if not self.codebook.moving_average:
            terms["codebook"] = (entries - slotted.detach()).square().sum((1, 2))
        yield "model", terms
        self.codebook.follow(slotted.detach().flatten(0, 1), picked.flatten(), progress.generator)

    def finish(self, batches: Iterable[Batch]) -> None:
        """Counts how often each slot takes each entry, to sample from."""
        entries = torch.cat([self.entries(batch.x) for batch in batches])
        self.frequency = fn.one_hot(entries, self.frequency.shape[1]).float().mean(0)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """As in ``Generative``; slots are drawn independently."""
        entries = torch.multinomial(self.frequency, count, replacement=True, generator=generator).T
        return self.decode(self.codebook.entries[entries].flatten(1))

    def diagnostics(self, batch: Batch) -> dict[str, float]:
        """Entries in effective use, bits that a window takes, and bits that its entries carry."""
        use = fn.one_hot(self.entries(batch.x), self.frequency.shape[1]).float().mean((0, 1))
        entropy = torch.special.entr(use).sum()
        bits = self.slots / torch.log(torch.tensor(2.0)).item()
        return {
            "perplexity": entropy.exp().item(),
            "bits_per_window": bits * torch.log(torch.tensor(float(len(use)))).item(),
            "entropy_bits_per_window": bits * entropy.item(),
        }


class VqVaeConfig(Variant):
    """Reconstruction, codebook loss and beta times the commitment of the encoder to its entries.

    Paper: van den Oord, Vinyals & Kavukcuoglu 2017, eq. 3; moving averages as in its appendix A.1.
    """

    kind: Literal["vq_vae"] = "vq_vae"
    code_size: int = Field(default=8, ge=1, description="Size of an entry")
    slots: int = Field(default=8, ge=1, description="Entries that make up the code of a window")
    entries: int = Field(default=64, ge=2, description="Size of the codebook")
    beta: float = Field(default=0.25, ge=0, description="Weight of the commitment")
    moving_average: bool = Field(default=False, description="Entries follow their codes by moving averages")

    def sized(self, size: int) -> Self:
        """As in ``Variant``: with so many slots."""
        return self.model_copy(update={"slots": size})

    def build(self, shape: Shape, backbone: Backbone) -> VqVae:
        """As in ``Variant``."""
        return VqVae(self, shape, backbone)
