"""Sequence to code to sequence: a long short-term memory on each side."""

from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from detector.models.backbones.base import Backbone, Decoder, Encoder, Shape


class Recurrent(nn.Module):
    """One LSTM layer, [B, T, F] to [B, T, width].

    Paper: Hochreiter & Schmidhuber 1997; as autoencoder Srivastava, Mansimov & Salakhutdinov 2015, section 2.2.
    """

    def __init__(self, inputs: int, width: int):
        super().__init__()
        self.cell = nn.LSTM(inputs, width, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        """Returns the output of every step."""
        return self.cell(x)[0]


class Last(nn.Module):
    """The newest step of a sequence, [B, T, F] to [B, F]."""

    def forward(self, x: Tensor) -> Tensor:
        """Takes the step."""
        return x[:, -1]


class Repeat(nn.Module):
    """A vector at every step, [B, F] to [B, T, F]."""

    def __init__(self, steps: int):
        super().__init__()
        self.steps = steps

    def forward(self, x: Tensor) -> Tensor:
        """Repeats the vector."""
        return x.unsqueeze(1).expand(-1, self.steps, -1)


class LstmBackbone(Backbone):
    """Recurrent layers; their own gates are the activation, the configured one stands around the code."""

    kind: Literal["lstm"] = "lstm"
    width: int = Field(default=48, ge=1, description="Nodes per layer")

    def native_size(self, shape: Shape) -> int:
        """A sixteenth of the window, between 1 and 64."""
        return min(max(shape.elements // 16, 1), 64)

    def encoder(self, shape: Shape, size: int | None = None) -> Encoder:
        """As in ``Backbone``."""
        layers: list[nn.Module] = [
            self._normal(Recurrent(shape.inputs if i == 0 else self.width, self.width)) for i in range(self.depth)
        ]
        return Encoder(layers, nn.Sequential(Last(), nn.Linear(self.width, size or self.native_size(shape))))

    def decoder(self, shape: Shape, size: int | None, outputs: int) -> Decoder:
        """As in ``Backbone``."""
        first = self.hidden(nn.Linear(size or self.native_size(shape), self.width), self.width)
        layers: list[nn.Module] = [self._normal(Recurrent(self.width, self.width)) for _ in range(self.depth)]
        layers[-1] = nn.Sequential(layers[-1], nn.Linear(self.width, outputs))
        return Decoder(nn.Sequential(first, Repeat(shape.steps)), layers)

    def _normal(self, layer: nn.Module) -> nn.Module:
        return nn.Sequential(layer, nn.LayerNorm(self.width)) if self.normalisation == "layer" else layer
