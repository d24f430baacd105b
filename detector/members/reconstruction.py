"""The error of a trained autoencoder on one view of the window; judging needs no library that trains."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from detector.engines.base import Engine
from detector.engines.onnx import OnnxEngine, as_tensors, of_tensors
from detector.errors import BundleError
from detector.members.base import Look, Member, Rows
from detector.scoring.error import channel_error, newest_error
from detector.scoring.logsum import LogSum
from detector.types import Bools, Floats, Ints
from detector.windows import clock

if TYPE_CHECKING:
    import torch

    from detector.models.base import Autoencoder

Written = dict[str, Any]
"""Settings of the training as they were written down; only who trains must know what they mean."""


class View(BaseModel):
    """What an autoencoder looks at, and how its error counts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["autoencoder"] = "autoencoder"
    name: str = "autoencoder"
    window: int = Field(default=64, ge=8, description="Rows of a window")
    stride: int = Field(default=4, ge=1, description="Look at the first row of every so many grid steps")
    centre: bool = Field(default=False, description="Look at shapes: every window minus its own mean")
    last: int | None = Field(default=None, ge=1, description="Judge the newest rows only; empty judges all of them")
    weight: float = Field(default=1.0, gt=0, description="Weight in the fusion")
    clock: bool = Field(default=False, description="Tell conditional_vae the hour and the weekday (UTC) of every row")

    @property
    def conditions(self) -> int:
        """C, columns that the network is told besides the channels."""
        return clock.COLUMNS if self.clock else 0


class ReconstructionRecipe(View):
    """A trained autoencoder as its bundle tells of it."""

    variant: Written
    backbone: Written
    trainer: Written

    def restore(self, tensors: Mapping[str, Floats], channels: int) -> Member:
        """Rebuilds a fitted member from its tensors.

        Raises:
            BundleError: it has no graph, and the library that trained it is not installed.
        """
        graphs = of_tensors(tensors)
        weights = {name: tensor for name, tensor in tensors.items() if name != "scale" and name not in graphs}
        if graphs:
            engine: Engine = OnnxEngine.open(graphs, self.window, channels + self.conditions)
        else:
            engine = _eager(self, weights, channels)
        return Reconstruction(self, weights, engine, LogSum(tensors["scale"]))


@dataclass(frozen=True)
class Reconstruction(Member):
    """A trained autoencoder and the scale of its error per channel.

    Attributes:
        weights: everything fitted in the network, by name.
        engine: runs the network.
        logsum: scale of the error.
        history: of the training, as in ``Trained``; empty for a member from a bundle.
    """

    config: ReconstructionRecipe
    weights: Mapping[str, Floats]
    engine: Engine
    logsum: LogSum
    history: Mapping[str, list[float]] = field(default_factory=dict)
    outputs: ClassVar[tuple[str, ...]] = ("error",)  # type: ignore[misc]

    @property
    def conditions(self) -> int:
        """As in ``Member``."""
        return self.config.conditions

    @property
    def runs_on(self) -> str:
        """As in ``Member``."""
        return self.engine.name

    @cached_property
    def model(self) -> "Autoencoder":
        """The network as a model of torch, for what judging does not ask of it; needs torch."""
        return _network(self.config, self.weights, len(self.logsum.scale))

    def error(self, windows: Floats, observed: Bools | None) -> Floats:
        """Returns the mean squared error of every channel over the rows that the member judges, [B, F]."""
        last, shown = self.config.last, self._channels(windows)
        if last is None:
            return channel_error(shown, self.expect(windows, observed), observed)
        level = self._level(windows, observed)
        expected = self.engine.newest(self._told(windows, level), last)
        return channel_error(shown, expected + level if self.config.centre else expected, observed, last)

    def look(self, windows: Floats, observed: Bools | None) -> Look:
        """As in ``Member``."""
        return Look(*self.logsum.judged(self.error(windows, observed)))

    def along(self, rows: Floats, end: Ints) -> Look:
        """As in ``Member``; windows that overlap share the work where the network can."""
        last = self.config.last
        if last is None or self.config.centre or self.conditions:
            return super().along(rows, end)
        expected = self.engine.along(rows, end, last)
        if expected is None:
            return super().along(rows, end)
        return Look(*self.logsum.judged(newest_error(rows, end, expected)))

    def expect(self, windows: Floats, observed: Bools | None) -> Floats:
        """Returns the reconstruction, [B, T, F]; in the view of shapes with the window's own mean put back."""
        level = self._level(windows, observed)
        return self.engine.run(self._told(windows, level)) + level

    def encode(self, windows: Floats, observed: Bools | None) -> Floats:
        """Returns the codes of windows, [B, T, F] to [B, D]."""
        return _through(self.model.encode, self._told(windows, self._level(windows, observed)))

    def decode(self, codes: Floats) -> Floats:
        """Returns the windows that codes stand for, [B, D] to [B, T, F]; in the view of shapes their mean is lost."""
        return _through(self.model.decode, codes)

    def _channels(self, windows: Floats) -> Floats:
        return windows[..., : len(self.logsum.scale)]

    def _level(self, windows: Floats, observed: Bools | None) -> Floats:
        """Returns what is taken off every window before the network sees it: [B, 1, F], or nothing at all."""
        return _level(self._channels(windows), observed) if self.config.centre else _NOTHING

    def _told(self, windows: Floats, level: Floats) -> Floats:
        """Returns what the network sees; windows that come without conditions are of no hour that is known."""
        shown = self._channels(windows)
        if self.config.centre:
            shown = shown - level
        if not self.conditions:
            return shown
        conditions = windows[..., shown.shape[-1] :]
        if not conditions.shape[-1]:
            conditions = np.zeros((*shown.shape[:-1], self.conditions), np.float32)
        return np.concatenate([shown, conditions], axis=-1)

    def refit(self, runs: list[Rows]) -> Member:
        """Keeps the network: training again on all rows would double the cost for no measured gain."""
        del runs
        return self

    def tensors(self) -> Mapping[str, Floats]:
        """As in ``Member``."""
        return {**self.weights, "scale": self.logsum.scale, **as_tensors(self.engine.graphs)}


_NOTHING = np.zeros(1, np.float32)


def _level(windows: Floats, observed: Bools | None) -> Floats:
    """Returns the mean of every window's observed rows, [B, 1, F]."""
    if observed is None:
        return windows.mean(axis=1, keepdims=True)
    total = np.where(observed, windows, 0).sum(axis=1, keepdims=True)
    return total / np.maximum(observed.sum(axis=1, keepdims=True), 1).astype(np.float32)


def _through(network: "Callable[[torch.Tensor], torch.Tensor]", array: Floats) -> Floats:
    import torch

    with torch.inference_mode():
        found: Floats = network(torch.from_numpy(np.ascontiguousarray(array))).numpy()
    return found


def _eager(recipe: ReconstructionRecipe, weights: Mapping[str, Floats], channels: int) -> Engine:
    try:
        from detector.engines.eager import TorchEngine

        return TorchEngine(_network(recipe, weights, channels))
    except ModuleNotFoundError as error:
        raise BundleError(
            f"the autoencoder {recipe.name!r} has no ONNX graph and {error.name} is not installed: "
            "pip install 'reconwatch[train]', or train it again with this version."
        ) from error


def _network(recipe: ReconstructionRecipe, weights: Mapping[str, Floats], channels: int) -> "Autoencoder":
    from detector.models.backbones.base import Shape
    from detector.models.state import rebuilt

    return rebuilt(recipe.variant, recipe.backbone, Shape(recipe.window, channels, recipe.conditions), weights)
