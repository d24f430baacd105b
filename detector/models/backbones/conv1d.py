"""Strided convolutions down to a short sequence of narrow codes, transposed convolutions up again.

Everything stays [B, T, F] as it lies in the ring buffer: to the library below it is an image of height 1 with its
channels last. A transposed convolution of stride 2 is one of stride 1 with twice the outputs, whose interleaving is a
reshape.
"""

from typing import Literal, cast

import torch.nn.functional as fn
from pydantic import Field
from torch import Tensor, nn

from detector.models.backbones.base import Backbone, Decoder, Encoder, Shape

_STRIDE = 2
_SHORT = 32


class Down(nn.Module):
    """Convolution of stride 2, [B, T, F] to [B, T / 2, width], zeros beyond both ends."""

    def __init__(self, inputs: int, width: int, kernel: int):
        super().__init__()
        self.kernel = kernel
        self.product = nn.Linear(inputs * kernel, width)

    def forward(self, x: Tensor) -> Tensor:
        """Convolves; T is even and the kernel odd."""
        return _convolved(x, self.product, self.kernel, _STRIDE, (self.kernel - 1) // 2)


class Up(nn.Module):
    """Transposed convolution of stride 2 and even kernel, [B, T, F] to [B, 2 T, width]."""

    def __init__(self, inputs: int, width: int, kernel: int):
        super().__init__()
        self.taps = kernel // _STRIDE
        self.product = nn.Linear(inputs * self.taps, _STRIDE * width)

    def forward(self, x: Tensor) -> Tensor:
        """Convolves; the surplus of the kernel is cut off evenly at both ends."""
        steps, surplus = x.shape[1], self.taps - 1
        pairs = _convolved(x, self.product, self.taps, 1, surplus)
        # -1 for the batch, which an exported graph leaves open.
        rows = pairs.reshape(-1, _STRIDE * (steps + surplus), self.product.out_features // _STRIDE)
        return rows[:, surplus : surplus + _STRIDE * steps]

    def reach(self, rows: int) -> int:
        """Returns how many of the newest inputs the newest ``rows`` outputs depend on."""
        surplus = self.taps - 1
        return surplus + max(0, -(-(rows - surplus) // _STRIDE))


def _convolved(x: Tensor, product: nn.Linear, taps: int, stride: int, padding: int) -> Tensor:
    """Convolves [B, T, F] along T, zeros beyond both ends; the weight is that of a product over gathered taps."""
    weight = product.weight.unflatten(1, (taps, -1)).permute(0, 2, 1).unsqueeze(2)
    image = x.permute(0, 2, 1).unsqueeze(2)
    rows = fn.conv2d(image, weight, product.bias, stride=(1, stride), padding=(0, padding))
    return rows.squeeze(2).permute(0, 2, 1)


class Lengthen(nn.Module):
    """Zeros before the oldest step, so that every layer can halve the window."""

    def __init__(self, steps: int):
        super().__init__()
        self.steps = steps

    def forward(self, x: Tensor) -> Tensor:
        """Pads [B, T, F] to the full number of steps."""
        return fn.pad(x, (0, 0, self.steps - x.shape[1], 0))


class Shorten(nn.Module):
    """The newest steps only."""

    def __init__(self, steps: int):
        super().__init__()
        self.steps = steps

    def forward(self, x: Tensor) -> Tensor:
        """Cuts [B, T', F] to [B, T, F]."""
        return x[:, -self.steps :]


class ConvDecoder(Decoder):
    """Layers that only look at steps nearby, each with its ``Up`` first."""

    def newest(self, z: Tensor, rows: int) -> Tensor:
        """As in ``Decoder``; what only older rows depend on is not computed, and the bits are the same."""
        needed = [rows]
        for layer in reversed(self.layers):
            needed.insert(0, cast(Up, cast(nn.Sequential, layer)[0]).reach(needed[0]))
        x = self.stem(z)
        for layer, steps in zip(self.layers, needed, strict=False):
            x = layer(x[:, -steps:])
        return cast(Tensor, x)[:, -rows:]


class Conv1dBackbone(Backbone):
    """Kernels 7, 5, 3, ... of stride 2 down, 4, ..., 4, 8 up; two layers for windows below 32 steps.

    The native code keeps ``code_channels`` values at each of T / 2**depth steps.
    """

    kind: Literal["conv1d"] = "conv1d"
    depth: int = Field(default=3, ge=1, le=8, description="Strided layers on each side, at most 2 below 32 steps")
    width: int = Field(default=48, ge=1, description="Channels per layer")
    code_channels: int = Field(default=6, ge=1, description="Channels of the native code at each of its steps")

    def native_size(self, shape: Shape) -> int:
        """Steps of the innermost layer times ``code_channels``."""
        return self._inner_steps(shape) * self.code_channels

    def encoder(self, shape: Shape, size: int | None = None) -> Encoder:
        """As in ``Backbone``."""
        layers: list[nn.Module] = []
        for i in range(self._layers(shape)):
            down = Down(shape.inputs if i == 0 else self.width, self.width, kernel=max(7 - 2 * i, 3))
            layers.append(self.hidden(down, self.width))
        layers[0] = nn.Sequential(Lengthen(self._inner_steps(shape) * _STRIDE ** len(layers)), layers[0])
        flat: list[nn.Module] = [nn.Linear(self.width, self.code_channels), nn.Flatten()]
        return Encoder(layers, nn.Sequential(*flat, *([nn.Linear(self.native_size(shape), size)] if size else [])))

    def decoder(self, shape: Shape, size: int | None, outputs: int) -> Decoder:
        """As in ``Backbone``."""
        depth = self._layers(shape)
        unflatten = nn.Unflatten(1, (self._inner_steps(shape), self.code_channels))
        stem = nn.Sequential(nn.Linear(size, self.native_size(shape)), unflatten) if size else unflatten
        layers: list[nn.Module] = [
            self.hidden(Up(self.code_channels if i == 0 else self.width, self.width, kernel=4), self.width)
            for i in range(depth - 1)
        ]
        last = Up(self.width if layers else self.code_channels, outputs, kernel=8)
        return ConvDecoder(stem, [*layers, nn.Sequential(last, Shorten(shape.steps))])

    def _layers(self, shape: Shape) -> int:
        return min(self.depth, 2) if shape.steps < _SHORT else self.depth

    def _inner_steps(self, shape: Shape) -> int:
        return -(-shape.steps // _STRIDE ** self._layers(shape))
