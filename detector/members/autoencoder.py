"""A reconstruction member: the error of one autoencoder on one view of the window."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field

from detector.members.base import Look, Member, Progress, Rows, in_blocks, spread
from detector.models.backbones.base import Shape
from detector.models.backbones.conv1d import Conv1dBackbone
from detector.models.backbones.table import BackboneConfig
from detector.models.base import Autoencoder
from detector.models.state import restore, state
from detector.models.variants.table import VariantConfig
from detector.scoring.error import channel_error
from detector.scoring.logsum import LogSum
from detector.training.dataset import Windows
from detector.training.trainer import TrainerConfig, train
from detector.types import Bools, Floats

SCALED = 6000
VALIDATION_RATIO = 0.1
MANY = 3
"""Windows lengths of data that must remain to train on before any are held out for early stopping."""


class AutoencoderMember(BaseModel):
    """Reconstruction error per channel, log-sum over channels."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["autoencoder"] = "autoencoder"
    name: str = "autoencoder"
    window: int = Field(default=64, ge=8, description="Rows of a window")
    stride: int = Field(default=4, ge=1, description="Look at the first row of every so many grid steps")
    centre: bool = Field(default=False, description="Look at shapes: every window minus its own mean")
    last: int | None = Field(default=None, ge=1, description="Judge the newest rows only; empty judges all of them")
    weight: float = Field(default=1.0, gt=0, description="Weight in the fusion")
    variant: VariantConfig
    backbone: BackboneConfig = Field(default_factory=Conv1dBackbone)
    trainer: TrainerConfig = Field(default_factory=TrainerConfig)

    def shortened(self, window: int) -> "AutoencoderMember":
        """Returns the same member with a shorter window, for short data."""
        return self.model_copy(update={"window": window})

    def fit(self, runs: list[Rows], held_out: list[Rows], seed: int, progress: Progress) -> Member:
        """Trains on ``runs``, stops early by their newest tenth, and scales the error by ``held_out``."""
        windows = self._windows([run.values for run in runs], runs[0].fill)
        older, newer = windows.split(VALIDATION_RATIO)
        plenty = len(older) >= MANY * self.window
        trained = train(
            self.variant,
            self.backbone,
            older if plenty else windows,
            newer if plenty else None,
            self.trainer,
            seed,
            lambda step, steps, _: progress(self.name, step / steps),
        )
        progress(self.name, 1.0)
        bare = Reconstruction(self, trained.model, LogSum(np.ones(windows.shape.channels)))
        errors = in_blocks(lambda w, o: Look(bare.error(w, o), None), spread(held_out, self.window, SCALED), None)
        return Reconstruction(self, trained.model, LogSum.fit(errors.values), trained.history)

    def restore(self, tensors: Mapping[str, Floats], channels: int) -> Member:
        """Rebuilds a fitted member from its tensors."""
        weights = {name: tensor for name, tensor in tensors.items() if name != "scale"}
        model = restore(self.variant, self.backbone, Shape(self.window, channels), weights)
        return Reconstruction(self, model, LogSum(tensors["scale"]))

    def _windows(self, parts: list[Floats], fill: Floats) -> Windows:
        begins = np.cumsum([0] + [len(part) for part in parts[:-1]])
        return Windows(np.concatenate(parts), length=self.window, run_starts=begins, fill=fill, centre=self.centre)


@dataclass(frozen=True)
class Reconstruction(Member):
    """A trained autoencoder and the scale of its error per channel.

    Attributes:
        history: of the training, as in ``Trained``; empty for a member from a bundle.
    """

    config: AutoencoderMember
    model: Autoencoder
    logsum: LogSum
    history: Mapping[str, list[float]] = field(default_factory=dict)
    outputs: ClassVar[tuple[str, ...]] = ("error",)  # type: ignore[misc]

    def error(self, windows: Floats, observed: Bools | None) -> Floats:
        """Returns the mean squared error of every channel over the rows that the member judges, [B, F]."""
        return channel_error(windows, self.expect(windows, observed), observed, self.config.last)

    def look(self, windows: Floats, observed: Bools | None) -> Look:
        """As in ``Member``."""
        terms = self.logsum.terms(self.error(windows, observed)).astype(np.float32)
        return Look(terms.mean(axis=1, keepdims=True), terms)

    def expect(self, windows: Floats, observed: Bools | None) -> Floats:
        """Returns the reconstruction, [B, T, F]; in the view of shapes with the window's own mean put back."""
        if not self.config.centre:
            return self._through(self.model.reconstruct, windows)
        level = _level(windows, observed)
        return self._through(self.model.reconstruct, windows - level) + level

    def encode(self, windows: Floats, observed: Bools | None) -> Floats:
        """Returns the codes of windows, [B, T, F] to [B, D]."""
        seen = windows - _level(windows, observed) if self.config.centre else windows
        return self._through(self.model.encode, seen)

    def decode(self, codes: Floats) -> Floats:
        """Returns the windows that codes stand for, [B, D] to [B, T, F]; in the view of shapes their mean is lost."""
        return self._through(self.model.decode, codes)

    def _through(self, network: Callable[[torch.Tensor], torch.Tensor], array: Floats) -> Floats:
        with torch.inference_mode():
            found: Floats = network(torch.from_numpy(np.ascontiguousarray(array))).numpy()
        return found

    def refit(self, runs: list[Rows]) -> Member:
        """Keeps the network: training again on all rows would double the cost for no measured gain."""
        del runs
        return self

    def tensors(self) -> Mapping[str, Floats]:
        """As in ``Member``."""
        return {**state(self.model), "scale": self.logsum.scale}


def _level(windows: Floats, observed: Bools | None) -> Floats:
    """Returns the mean of every window's observed rows, [B, 1, F]."""
    if observed is None:
        return windows.mean(axis=1, keepdims=True)
    total = np.where(observed, windows, 0).sum(axis=1, keepdims=True)
    return total / np.maximum(observed.sum(axis=1, keepdims=True), 1).astype(np.float32)
