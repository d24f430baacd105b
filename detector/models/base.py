"""What every autoencoder is, and the words that its training speaks.

x is a window of T steps and F channels, z its code, x̂ the reconstruction. Losses are per window, summed over the
observed elements; the trainer averages them over the batch, so penalties on the code keep their weight beside the
reconstruction whatever the window's size.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Self, cast

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from detector.models.backbones.base import Backbone, Decoder, Encoder, Ending, Shape, Stretch
from detector.models.losses import LOSSES, LossName

Terms = dict[str, Tensor]
"""Loss terms by name: [B] where a term belongs to single windows, a scalar where it belongs to the batch."""


class Batch(NamedTuple):
    """Windows to learn from.

    Attributes:
        x: [B, T, F + C] float32 without NaN, masked elements filled; the last C columns are conditions.
        observed: [B, T, F] bool, False where the element is masked.
    """

    x: Tensor
    observed: Tensor


@dataclass(frozen=True, slots=True)
class Progress:
    """How far training is.

    Attributes:
        step: steps done.
        steps: steps in all.
        generator: source of every random number of the step, on the model's device.
    """

    step: int
    steps: int
    generator: torch.Generator

    @property
    def ratio(self) -> float:
        """Share of the training that is done, 0 at the first step, below 1 at the last."""
        return self.step / self.steps


class Autoencoder(nn.Module):
    """A model that rebuilds windows from a code; deterministic outside of ``objectives``.

    A variant asks its backbone for an encoder and a decoder of the widths that it needs and overrides what it does
    otherwise: how a code is read off, what is learnt, what is prepared before and fitted after training.
    """

    settled_ratio: float = 0.0
    """Share of the training before which held-out error says nothing about the model."""

    def __init__(
        self,
        config: "Variant",
        shape: Shape,
        backbone: Backbone,
        encoder_size: int | None = None,
        decoder_size: int | None = None,
    ):
        super().__init__()
        size = config.size(shape)
        self.shape = shape
        self.loss = LOSSES[config.loss]
        self.code_size = backbone.native_size(shape) if size is None else size
        self.encoder: nn.Module = backbone.encoder(shape, encoder_size or size)
        self.decoder: nn.Module = backbone.decoder(shape, decoder_size or size, self.loss.outputs * shape.channels)

    def encode(self, x: Tensor) -> Tensor:
        """Returns the code [B, D] of windows [B, T, F + C], without any noise."""
        return self.read(self.encoder(x))

    def read(self, encoded: Tensor) -> Tensor:
        """Returns the code that the output of the encoder stands for, each value by itself."""
        return encoded

    def decode(self, z: Tensor) -> Tensor:
        """Returns the expected windows [B, T, F] of codes [B, D]."""
        return self.loss.mean(self.decoder(z))

    def reconstruct(self, x: Tensor) -> Tensor:
        """Returns what the model expects in place of windows: [B, T, F + C] to [B, T, F]."""
        return self.decode(self.encode(x))

    def newest(self, rows: int) -> "Newest":
        """Returns the finished model of the newest rows alone of what ``reconstruct`` returns."""
        return Newest(self, rows)

    def between(self, one: Tensor, other: Tensor, share: Tensor) -> Tensor:
        """Returns codes [N, D] on the way from one code [D] to another, ``share`` [N] of it gone."""
        return one + share[:, None] * (other - one)

    def forward(self, x: Tensor) -> Tensor:
        """Reconstructs, see ``reconstruct``."""
        return self.reconstruct(x)

    def groups(self) -> dict[str, list[nn.Parameter]]:
        """Returns the parameters that ``objectives`` steps, by name of the group; one optimiser each."""
        return {"model": list(self.parameters())}

    def objectives(self, batch: Batch, progress: Progress) -> Iterator[tuple[str, Terms]]:
        """Yields (group, loss terms) of one step; the trainer steps the group before it resumes the generator."""
        yield "model", {"reconstruction": self.reconstruction(batch, self.decoder(self.encoder(batch.x)))}

    def reconstruction(self, batch: Batch, decoded: Tensor) -> Tensor:
        """Returns the loss per window, [B], between the raw output of the decoder and the observed elements."""
        elements = self.loss.elements(decoded, batch.x[..., : self.shape.channels])
        return (elements * batch.observed).sum((1, 2))

    def held_out(self, batch: Batch) -> Tensor:
        """Returns the loss per window, [B], by which early stopping compares states; deterministic."""
        return self.reconstruction(batch, self.decoder(self.encode(batch.x)))

    def begin(self, batches: Iterable[Batch]) -> None:
        """Prepares what depends on data before the first step; ``batches`` hold training windows in order of time."""

    def finish(self, batches: Iterable[Batch]) -> None:
        """Fits what stands on finished weights; ``batches`` hold training windows in order of time."""

    def diagnostics(self, batch: Batch) -> dict[str, float]:
        """Returns what tells whether the variant does what it is for, by name."""
        return {}


class Newest(nn.Module):
    """The newest rows alone of what a finished autoencoder expects; it does less work where the layers allow.

    Attributes:
        rows: of a window that must be given, its newest.
        hop: rows from one window to the next where windows that overlap can be given as one stretch; None if not.
    """

    def __init__(self, model: Autoencoder, rows: int):
        super().__init__()
        self.model, self.ending = model, Ending(rows)
        self.rows: int = model.shape.steps
        self.hop: int | None = None
        self.encoder: Stretch | None = None
        self.decoder: nn.Module | None = None
        if isinstance(model.encoder, Encoder) and isinstance(model.decoder, Decoder):
            self.encoder = model.encoder.overlapping(model.decoder.reach(rows))
            self.decoder = model.decoder.newest(rows)
        if self.encoder:
            self.rows, self.hop = self.encoder.rows, self.encoder.hop

    def forward(self, x: Tensor) -> Tensor:
        """Takes [B, rows, F + C], or stretches of n windows [B, rows + (n - 1) hop, F + C]; returns [B n, ., F]."""
        if self.decoder is None:
            return cast(Tensor, self.ending(self.model(x)))
        code = self.model.read(self.encoder(x)) if self.encoder else self.model.encode(x)
        return self.model.loss.mean(self.decoder(code))


class Variant(BaseModel):
    """Hyperparameters that every variant has; depth, width, activation and normalisation are the backbone's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    undercomplete: ClassVar[bool] = True
    """The code never exceeds half of the window's elements."""

    code_size: int | None = Field(default=16, ge=1, description="Size of the code; null takes the backbone's own")
    loss: LossName = Field(default="mse", description="mse, bce (data in [0, 1]) or gaussian_nll (learned variance)")

    def size(self, shape: Shape) -> int | None:
        """Returns the size of the code for windows of ``shape``."""
        if self.code_size is None or not self.undercomplete:
            return self.code_size
        return min(self.code_size, max(1, shape.elements // 2))

    def sized(self, size: int) -> Self:
        """Returns the same variant with a code of another size."""
        return type(self).model_validate(self.model_dump() | {"code_size": size})

    def build(self, shape: Shape, backbone: Backbone) -> Autoencoder:
        """Returns an untrained model of windows of ``shape``."""
        raise NotImplementedError
