"""Fully connected layers on the flattened window."""

import itertools
from typing import ClassVar, Literal

from pydantic import Field
from torch import nn

from detector.models.backbones.base import Backbone, Decoder, Encoder, Shape


class DenseBackbone(Backbone):
    """Multilayer perceptron; depth 0 leaves one linear layer on each side."""

    least_depth: ClassVar[int] = 0

    kind: Literal["dense"] = "dense"
    depth: int = Field(default=2, ge=0, le=8, description="Hidden layers on each side")
    width: int = Field(default=128, ge=1, description="Nodes per layer")

    def native_size(self, shape: Shape) -> int:
        """A sixteenth of the window, between 1 and 64."""
        return min(max(shape.elements // 16, 1), 64)

    def encoder(self, shape: Shape, size: int | None = None) -> Encoder:
        """As in ``Backbone``."""
        widths = [shape.steps * shape.inputs] + [self.width] * self.depth
        layers: list[nn.Module] = [self.hidden(nn.Linear(i, o), o) for i, o in itertools.pairwise(widths)]
        if layers:
            layers[0] = nn.Sequential(nn.Flatten(), layers[0])
        else:
            layers = [nn.Flatten()]
        return Encoder(layers, nn.Linear(widths[-1], size or self.native_size(shape)))

    def decoder(self, shape: Shape, size: int | None, outputs: int) -> Decoder:
        """As in ``Backbone``."""
        size = size or self.native_size(shape)
        elements = shape.steps * outputs
        unflatten = nn.Unflatten(1, (shape.steps, outputs))
        if not self.depth:
            return Decoder(nn.Linear(size, elements), [unflatten])
        inner: list[nn.Module] = [
            self.hidden(nn.Linear(self.width, self.width), self.width) for _ in range(self.depth - 1)
        ]
        last = nn.Sequential(nn.Linear(self.width, elements), unflatten)
        return Decoder(self.hidden(nn.Linear(size, self.width), self.width), [*inner, last])
