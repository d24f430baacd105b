"""Strided convolutions down to a short sequence of narrow codes, transposed convolutions up again."""

from itertools import pairwise
from typing import Literal, cast

import torch.nn.functional as fn
from pydantic import Field
from torch import Tensor, nn

from detector.models.backbones.base import Backbone, Decoder, Encoder, Ending, Shape, Stretch
from detector.models.backbones.convolution import STRIDE, Down, Pointwise, Up
from detector.models.backbones.overlap import Overlapping, fits

_SHORT = 32


class Image(nn.Module):
    """Windows as images of height 1, with zeros before the oldest step, so that every layer can halve them."""

    def __init__(self, steps: int, full: int):
        super().__init__()
        self.steps, self.zeros = steps, full - steps

    def forward(self, x: Tensor) -> Tensor:
        """Makes [B, 1, T', F] of [B, T, F]."""
        return (fn.pad(x, (0, 0, self.zeros, 0)) if self.zeros else x).unsqueeze(1)


class Unfold(nn.Module):
    """A flat code as steps, [B, T D] to [B, 1, T, D]."""

    def __init__(self, channels: int):
        super().__init__()
        self.channels = channels

    def forward(self, z: Tensor) -> Tensor:
        """Unfolds; -1 as in ``Sequence``."""
        return z.reshape(-1, 1, int(z.shape[1]) // self.channels, self.channels)


class Sequence(nn.Module):
    """Images of height 1 as windows."""

    def forward(self, x: Tensor) -> Tensor:
        """Makes [B, T, F] of [B, 1, T, F]; -1 for the batch, which an exported graph leaves open."""
        return x.reshape(-1, int(x.shape[2]), int(x.shape[3]))


class ConvEncoder(Encoder):
    """Layers and a head that only look at steps nearby, each layer with one ``Down``."""

    def overlapping(self, steps: int) -> Stretch | None:
        """As in ``Encoder``; none where the window is too short for that."""
        image, first = cast(nn.Sequential, self.layers[0])
        layers = [cast(nn.Sequential, layer) for layer in (first, *self.layers[1:])]
        image = cast(Image, image)
        full = image.steps + image.zeros
        if not fits(layers, full, image.zeros, steps):
            return None
        pointwise, _ = cast(nn.Sequential, self.head)
        return Overlapping(layers, pointwise, full, steps)


class ConvDecoder(Decoder):
    """Layers that only look at steps nearby, each with its ``Up`` first.

    Args:
        stem: as in ``Decoder``.
        layers: as in ``Decoder``.
        steps: of the code.
    """

    def __init__(self, stem: nn.Module, layers: list[nn.Module], steps: int):
        super().__init__(stem, layers)
        self.steps = steps

    def reach(self, rows: int) -> int:
        """As in ``Decoder``."""
        return self._needed(rows)[0]

    def newest(self, rows: int) -> nn.Module:
        """As in ``Decoder``; what only older rows depend on is not computed."""
        needed = self._needed(rows)
        parts = [self.stem, Ending(needed[0])]
        for layer, (given, steps) in zip(self.layers, pairwise(needed), strict=True):
            up, *others = cast(nn.Sequential, layer)
            parts.append(cast(Up, up).newest(given, steps, others))
        return nn.Sequential(*parts)

    def _needed(self, rows: int) -> list[int]:
        """Returns how many of the newest steps every layer must be given, and at last ``rows``; no more than exist."""
        needed = [min(rows, self.steps * STRIDE ** len(self.layers))]
        for i in reversed(range(len(self.layers))):
            up = cast(Up, cast(nn.Sequential, self.layers[i])[0])
            needed.insert(0, min(up.reach(needed[0]), self.steps * STRIDE**i))
        return needed


class Conv1dBackbone(Backbone):
    """Kernels 7, 5, 3, ... of stride 2 down, 4, ..., 4, 8 up; two layers for windows below 32 steps.

    The native code keeps ``code_channels`` values at each of T / 2**depth steps.
    """

    kind: Literal["conv1d"] = "conv1d"
    depth: int = Field(default=3, ge=1, le=8, description="Strided layers on each side, at most 2 below 32 steps")
    width: int = Field(default=48, ge=1, description="Channels per layer")
    code_channels: int = Field(default=6, ge=1, description="Channels of the native code at each of its steps")
    causal: bool = Field(
        default=False, description="The encoder looks at no newer steps; windows that overlap then cost less"
    )

    def native_size(self, shape: Shape) -> int:
        """Steps of the innermost layer times ``code_channels``."""
        return self._inner_steps(shape) * self.code_channels

    def encoder(self, shape: Shape, size: int | None = None) -> Encoder:
        """As in ``Backbone``."""
        layers: list[nn.Module] = []
        for i in range(self._layers(shape)):
            down = Down(shape.inputs if i == 0 else self.width, self.width, max(7 - 2 * i, 3), self.causal)
            layers.append(self.hidden(down, self.width))
        layers[0] = nn.Sequential(Image(shape.steps, self._inner_steps(shape) * STRIDE ** len(layers)), layers[0])
        flat: list[nn.Module] = [Pointwise(self.width, self.code_channels), nn.Flatten()]
        if size is None:
            return ConvEncoder(layers, nn.Sequential(*flat))
        return Encoder(layers, nn.Sequential(*flat, nn.Linear(self.native_size(shape), size)))

    def decoder(self, shape: Shape, size: int | None, outputs: int) -> Decoder:
        """As in ``Backbone``."""
        depth = self._layers(shape)
        unfold = Unfold(self.code_channels)
        stem = nn.Sequential(nn.Linear(size, self.native_size(shape)), unfold) if size else unfold
        layers: list[nn.Module] = [
            self.hidden(Up(self.code_channels if i == 0 else self.width, self.width, kernel=4), self.width)
            for i in range(depth - 1)
        ]
        last = Up(self.width if layers else self.code_channels, outputs, kernel=8)
        layers.append(nn.Sequential(last, Sequence(), Ending(shape.steps)))
        return ConvDecoder(stem, layers, self._inner_steps(shape))

    def _layers(self, shape: Shape) -> int:
        return min(self.depth, 2) if shape.steps < _SHORT else self.depth

    def _inner_steps(self, shape: Shape) -> int:
        return -(-shape.steps // STRIDE ** self._layers(shape))
