"""What a backbone gives: encoders from windows to flat codes and decoders back, as mirrored stacks of layers."""

from dataclasses import dataclass
from typing import ClassVar, Literal, cast

from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "gelu": nn.GELU,
    "relu": nn.ReLU,
    "elu": nn.ELU,
    "tanh": nn.Tanh,
}


@dataclass(frozen=True, slots=True)
class Shape:
    """Shape of a window.

    Attributes:
        steps: T.
        channels: F, what is reconstructed.
        conditions: C, further columns that the encoder sees and nobody reconstructs.
    """

    steps: int
    channels: int
    conditions: int = 0

    @property
    def inputs(self) -> int:
        """Columns that the encoder sees, F + C."""
        return self.channels + self.conditions

    @property
    def elements(self) -> int:
        """Elements that are reconstructed, T * F."""
        return self.steps * self.channels


class Ending(nn.Module):
    """The newest steps only."""

    def __init__(self, steps: int):
        super().__init__()
        self.steps = steps

    def forward(self, x: Tensor) -> Tensor:
        """Cuts [..., T', F] to [..., T, F]."""
        return x[..., -self.steps :, :] if x.shape[-2] > self.steps else x


class Encoder(nn.Module):
    """Layers and a head: [B, T, F + C] to [B, D]."""

    def __init__(self, layers: list[nn.Module], head: nn.Module):
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.head = head

    def forward(self, x: Tensor) -> Tensor:
        """Encodes windows."""
        for layer in self.layers:
            x = layer(x)
        return cast(Tensor, self.head(x))

    def overlapping(self, steps: int) -> "Stretch | None":
        """Returns what gives the newest ``steps`` of the codes of windows that overlap; None where it cannot be."""
        del steps
        return None


class Stretch(nn.Module):
    """Encodes stretches of n windows that overlap, [B, rows + (n - 1) hop, F + C] to [B n, D].

    Attributes:
        rows: that the code of one window depends on, its newest.
        hop: rows from one window to the next.
    """

    rows: int
    hop: int


class Decoder(nn.Module):
    """A stem and layers: [B, D] to [B, T, outputs]; layer -1 - i undoes layer i of the encoder."""

    def __init__(self, stem: nn.Module, layers: list[nn.Module]):
        super().__init__()
        self.stem = stem
        self.layers = nn.ModuleList(layers)

    def forward(self, z: Tensor) -> Tensor:
        """Decodes codes."""
        x = self.stem(z)
        for layer in self.layers:
            x = layer(x)
        return cast(Tensor, x)

    def reach(self, rows: int) -> int:
        """Returns how many of the newest steps of a code the newest rows depend on, where a code has steps."""
        return rows

    def newest(self, rows: int) -> nn.Module:
        """Returns the finished decoder of the newest rows alone, [B, D] to [B, rows, outputs].

        Of a code that has steps it also takes the newest alone, as many as ``reach`` or more.
        """
        return nn.Sequential(self, Ending(rows))


class Backbone(BaseModel):
    """Hyperparameters that every backbone has, and its two doors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    least_depth: ClassVar[int] = 1

    depth: int = Field(default=1, ge=1, le=8, description="Hidden layers on each side")
    width: int = Field(default=64, ge=1, description="Nodes per layer")
    activation: Literal["gelu", "relu", "elu", "tanh"] = "gelu"
    normalisation: Literal["none", "layer"] = Field(
        default="none", description="layer normalises over the nodes of a step; never over the batch"
    )

    def native_size(self, shape: Shape) -> int:
        """Returns the size of the code that the backbone gives when nobody asks for one."""
        raise NotImplementedError

    def encoder(self, shape: Shape, size: int | None = None) -> Encoder:
        """Returns a new encoder [B, T, F + C] to [B, size]; without ``size`` to its native code."""
        raise NotImplementedError

    def decoder(self, shape: Shape, size: int | None, outputs: int) -> Decoder:
        """Returns a new decoder [B, size] to [B, T, outputs]."""
        raise NotImplementedError

    def hidden(self, layer: nn.Module, width: int) -> nn.Sequential:
        """Returns ``layer`` with normalisation, if any, and activation behind it."""
        norm = [nn.LayerNorm(width)] if self.normalisation == "layer" else []
        return nn.Sequential(layer, *norm, ACTIVATIONS[self.activation]())
