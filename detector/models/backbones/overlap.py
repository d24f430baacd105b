"""Codes of windows that overlap, with what they share computed once.

Layers that only look at steps nearby make the same of the same rows, whichever window these belong to. Unless they are
causal, the newest step of each is a window's own: it alone would look at rows to come, where the window has zeros.
"""

from typing import cast

import torch
from torch import Tensor, nn

from detector.models.backbones.base import Stretch
from detector.models.backbones.convolution import STRIDE, Down, convolved


class Overlapping(Stretch):
    """The newest steps of the codes of windows that are a step of the code apart."""

    def __init__(self, layers: list[nn.Sequential], head: nn.Module, full: int, steps: int):
        """Makes it of finished layers.

        Args:
            layers: each a ``Down`` and what stands behind it.
            head: works on every step of the code by itself.
            full: steps of a window, zeros before the oldest included.
            steps: of the code, counted from the newest.
        """
        super().__init__()
        self.layers, self.head, self.steps = nn.ModuleList(layers), head, steps
        self.hop = STRIDE ** len(layers)
        # The oldest inner step needed of the rows and of what each layer makes.
        oldest = [full // self.hop - steps]
        for layer in reversed(layers):
            oldest.insert(0, STRIDE * oldest[0] - _reach(layer))
        self.rows = full - oldest[0]
        # Where the inner steps begin on which the newest one of the first window depends.
        sizes = [full // STRIDE**i for i in range(len(layers))]
        self.edge = [
            size - STRIDE - _reach(layer) - first for size, layer, first in zip(sizes, layers, oldest, strict=False)
        ]

    def forward(self, x: Tensor) -> Tensor:
        """As in ``Stretch``."""
        inner, newest, hop = x.unsqueeze(1), None, self.hop
        for layer, edge in zip(self.layers, self.edge, strict=True):
            first, *others = cast(nn.Sequential, layer)
            down = cast(Down, first)
            before = inner
            inner = _through(others, _part(down, before, 0, down.taps, STRIDE))
            if down.causal:
                continue
            # Of the layer's taps the newest step has those on inner steps, the one on the newest before, and zeros.
            taps = _reach(cast(nn.Sequential, layer)) + (2 if newest is None else 1)
            found = _part(down, before[:, :, edge:], 0, taps, hop)
            if newest is not None:
                found = found + _part(down, newest, taps, taps + 1, 1, bias=False)
            newest, hop = _through(others, found), hop // STRIDE
        inner, own = self.head(inner), [] if newest is None else [self.head(newest)]
        steps = self.steps - len(own)
        shared = [inner[:, :, at : at - steps + 1 or None] for at in range(steps)]
        codes = torch.cat([*shared, *own], -1)
        return codes.reshape(-1, int(codes.shape[3]))


def fits(layers: list[nn.Sequential], full: int, zeros: int, steps: int) -> bool:
    """Tells whether so many steps of a code, two at least, depend on rows of the window alone, on no zeros before."""
    oldest = full // STRIDE ** len(layers) - steps
    for layer in reversed(layers):
        oldest = STRIDE * oldest - _reach(layer) if oldest >= 0 else oldest
    return steps > 1 and oldest >= zeros


def _reach(layer: nn.Sequential) -> int:
    return cast(Down, layer[0]).before


def _through(layers: list[nn.Module], x: Tensor) -> Tensor:
    for layer in layers:
        x = layer(x)
    return x


def _part(down: Down, x: Tensor, first: int, last: int, stride: int, bias: bool = True) -> Tensor:
    """Convolves with some of the taps of a layer, no zeros beyond either end."""
    inputs = down.product.in_features // down.taps
    weight = down.product.weight[:, first * inputs : last * inputs]
    return convolved(x, weight, down.product.bias if bias else None, last - first, stride, 0)
