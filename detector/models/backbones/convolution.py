"""Convolutions of stride 2 down and up again, and what gives their newest steps alone.

Everything stays [B, 1, T, F], as it lies in the ring buffer: an image of height 1 with its channels last. A transposed
convolution of stride 2 is one of stride 1 with twice the outputs, whose interleaving is a reshape.
"""

import torch
import torch.nn.functional as fn
from torch import Tensor, nn

from detector.models.backbones.base import ACTIVATIONS, Ending

STRIDE = 2
_FEW = 8
"""Outputs of a layer up to which one product is quicker than a convolution."""


class Convolution(nn.Module):
    """A layer that only looks at steps nearby.

    Attributes:
        taps: inputs that it looks at for an output.
        product: its weight, as that of a product over gathered taps.
    """

    def __init__(self, inputs: int, outputs: int, taps: int):
        super().__init__()
        self.taps = taps
        self.product = nn.Linear(inputs * taps, outputs)

    def linear(self, x: Tensor, bias: Tensor | None) -> Tensor:
        """Returns what it makes of [B, 1, T, F] with this bias instead of its own."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """Convolves."""
        return self.linear(x, self.product.bias)


class Product(nn.Module):
    """The newest outputs of a convolution as one product of all its inputs; made of a finished layer.

    The matrix is what the layer makes of unit windows. An activation behind it works on the flat product, with which a
    runtime can merge it.
    """

    weight: Tensor
    bias: Tensor

    @torch.no_grad()
    def __init__(self, layer: Convolution, given: int, steps: int, activation: nn.Module):
        super().__init__()
        self.activation = activation
        weight = layer.product.weight
        inputs = weight.shape[1] // layer.taps
        units = torch.eye(given * inputs, dtype=weight.dtype, device=weight.device).reshape(-1, 1, given, inputs)
        made = layer.linear(units, None)[:, :, -steps:]
        self.made = made.shape[1:]
        self.register_buffer("weight", made.flatten(1).T.contiguous())
        self.register_buffer("bias", layer(torch.zeros_like(units[:1]))[:, :, -steps:].flatten())

    def forward(self, x: Tensor) -> Tensor:
        """Multiplies; -1 for the batch, which an exported graph leaves open."""
        made: Tensor = self.activation(fn.linear(x.flatten(1), self.weight, self.bias))
        return made.reshape(-1, *self.made)


class Down(Convolution):
    """Convolution of stride 2, [B, 1, T, F] to [B, 1, T / 2, width]; T even, the kernel odd.

    Its output i lies on the inputs 2 i and 2 i + 1. It looks as far into the past as into the future, with zeros beyond
    both ends, or, if causal, at nothing newer than these.

    Attributes:
        causal: which of both.
        before: how many inputs before the first of its own an output looks at.
    """

    def __init__(self, inputs: int, width: int, kernel: int, causal: bool = False):
        super().__init__(inputs, width, kernel)
        self.causal = causal
        self.before = kernel - STRIDE if causal else (kernel - 1) // 2

    def linear(self, x: Tensor, bias: Tensor | None) -> Tensor:
        """As in ``Convolution``."""
        if self.causal:
            return convolved(fn.pad(x, (0, 0, self.before, 0)), self.product.weight, bias, self.taps, STRIDE, 0)
        return convolved(x, self.product.weight, bias, self.taps, STRIDE, self.before)


class Up(Convolution):
    """Transposed convolution of stride 2 and even kernel, [B, 1, T, F] to [B, 1, 2 T, width]."""

    def __init__(self, inputs: int, width: int, kernel: int):
        super().__init__(inputs, STRIDE * width, kernel // STRIDE)

    def linear(self, x: Tensor, bias: Tensor | None) -> Tensor:
        """As in ``Convolution``; the surplus of the kernel is cut off evenly at both ends."""
        # Plain integers and -1: an exported graph leaves the batch open and nothing else.
        steps, surplus = int(x.shape[2]), self.taps - 1
        pairs = convolved(x, self.product.weight, bias, self.taps, 1, surplus)
        rows = pairs.reshape(-1, 1, STRIDE * (steps + surplus), self.product.out_features // STRIDE)
        return rows[:, :, surplus : surplus + STRIDE * steps]

    def reach(self, steps: int) -> int:
        """Returns how many of the newest inputs must be given for the newest ``steps`` outputs to be right."""
        return -(-(steps + self.taps - 1) // STRIDE)

    def newest(self, given: int, steps: int, behind: list[nn.Module]) -> nn.Module:
        """Returns what gives the newest ``steps`` outputs alone of ``given`` inputs, with what stands ``behind`` it."""
        if steps > _FEW:
            return nn.Sequential(self, Ending(steps), *behind)
        first, *others = behind
        if isinstance(first, tuple(ACTIVATIONS.values())):
            return nn.Sequential(Product(self, given, steps, first), *others)
        return nn.Sequential(Product(self, given, steps, nn.Identity()), *behind)


class Pointwise(nn.Linear):
    """A product at every step by itself, [B, 1, T, F] to [B, 1, T, width], in the layout of its neighbours."""

    def forward(self, x: Tensor) -> Tensor:
        """Multiplies."""
        return convolved(x, self.weight, self.bias, 1, 1, 0)


def convolved(x: Tensor, weight: Tensor, bias: Tensor | None, taps: int, stride: int, padding: int) -> Tensor:
    """Convolves [B, 1, T, F] along T with ``weight`` [outputs, taps * F], zeros beyond both ends."""
    kernel = weight.reshape(-1, taps, int(weight.shape[1]) // taps).permute(0, 2, 1).unsqueeze(2)
    image = fn.conv2d(x.permute(0, 3, 1, 2), kernel, bias, stride=(1, stride), padding=(0, padding))
    return image.permute(0, 2, 3, 1)
