"""An autoencoder on one view of the window: what it learns with, and the learning."""

from dataclasses import replace
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from detector.engines.export import engine_of
from detector.members.base import Look, Member, Progress, Rows, in_blocks, spread
from detector.members.reconstruction import Reconstruction, ReconstructionRecipe, View
from detector.models.backbones.conv1d import Conv1dBackbone
from detector.models.backbones.table import BackboneConfig
from detector.models.state import state
from detector.models.variants.table import VariantConfig
from detector.scoring.logsum import LogSum
from detector.training.dataset import Windows
from detector.training.trainer import TrainerConfig, Watching, train
from detector.types import Floats

SCALED = 6000
COMPARED = 64
"""Windows on which the engine that serves is compared with the network that was trained."""
VALIDATION_RATIO = 0.1
MANY = 3
"""Windows lengths of data that must remain to train on before any are held out for early stopping."""


class AutoencoderMember(View):
    """Reconstruction error per channel, log-sum over channels."""

    variant: VariantConfig
    backbone: BackboneConfig = Field(default_factory=Conv1dBackbone)
    trainer: TrainerConfig = Field(default_factory=TrainerConfig)

    @model_validator(mode="after")
    def _conditional(self) -> Self:
        if self.clock and self.variant.kind != "conditional_vae":
            raise ValueError(f"clock is for the variant conditional_vae, not for {self.variant.kind}")
        return self

    def shortened(self, window: int) -> "AutoencoderMember":
        """Returns the same member with a shorter window, for short data."""
        return self.model_copy(update={"window": window})

    def fit(self, runs: list[Rows], held_out: list[Rows], seed: int, progress: Progress) -> Member:
        """Trains on ``runs``, stops early by their newest tenth, and scales the error by ``held_out``.

        From the end of the training on the network runs on the engine that will serve it.
        """
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
            progress.looked if isinstance(progress, Watching) else None,
        )
        progress(self.name, 1.0)
        seen = spread(held_out, self.window, SCALED)
        engine = engine_of(trained.model, seen[:COMPARED], self.last)
        recipe = ReconstructionRecipe.model_validate(self.model_dump(mode="json"))
        flat = LogSum(np.ones(windows.shape.channels))
        bare = Reconstruction(recipe, state(trained.model), engine, flat, trained.history)
        errors = in_blocks(lambda w, o: Look(bare.error(w, o), None), seen, None)
        return replace(bare, logsum=LogSum.fit(errors.values))

    def _windows(self, parts: list[Floats], fill: Floats) -> Windows:
        begins, rows = np.cumsum([0] + [len(part) for part in parts[:-1]]), np.concatenate(parts)
        channels = rows.shape[1] - self.conditions
        return Windows(
            rows[:, :channels],
            length=self.window,
            run_starts=begins,
            fill=fill[:channels],
            centre=self.centre,
            conditions=rows[:, channels:] if self.conditions else None,
        )
