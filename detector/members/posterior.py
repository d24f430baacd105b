"""The code of a trained encoder against the codes of normal rows; there is no decoder."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from detector.engines.base import Engine
from detector.engines.onnx import OnnxEngine, as_tensors, of_tensors
from detector.errors import BundleError
from detector.members.base import Look, Member, Rows, in_blocks, product, spread
from detector.members.neighbours import smallest
from detector.scoring.error import channel_error
from detector.scoring.logsum import LogSum
from detector.types import Bools, Floats, Ints

NEIGHBOURS = 3
SCALED = 6000


class Coded(BaseModel):
    """What an encoder looks at, and how its code counts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["encoder"] = "encoder"
    name: str = "encoder"
    window: int = Field(default=1, ge=1, description="Rows of a window; 1 judges every row by itself")
    stride: int = Field(default=1, ge=1, description="Look at the first row of every so many grid steps")
    weight: float = Field(default=1.0, gt=0, description="Weight in the fusion")
    size: int = Field(default=4000, ge=4, description="Codes of normal windows remembered")
    score: Literal["distance", "divergence"] = Field(
        default="distance",
        description="distance: to the nearest normal codes; divergence: of the posterior from the prior, in nats",
    )


class PosteriorRecipe(Coded):
    """A trained encoder as its bundle tells of it."""

    variant: dict[str, Any]
    backbone: dict[str, Any]
    trainer: dict[str, Any]

    def restore(self, tensors: Mapping[str, Floats], channels: int) -> Member:
        """Rebuilds a fitted member from its tensors.

        Raises:
            BundleError: it has no graph.
        """
        graphs = of_tensors(tensors)
        if not graphs:
            raise BundleError(f"the encoder {self.name!r} has no graph: the bundle is damaged; restore or retrain it.")
        engine = OnnxEngine.open(graphs, self.window, channels)
        known = {name: tensors[name] for name in ("deviation", "codes", "windows")}
        return Posterior(self, engine, **known, logsum=LogSum(tensors["scale"]))


@dataclass(frozen=True)
class Posterior(Member):
    """A trained encoder and the normal codes that it knows.

    A code is the posterior q(z|x): its D means and the logarithms of its D deviations, each over its own deviation on
    normal rows.

    Attributes:
        engine: gives [B, 2 D] for windows [B, T, F].
        deviation: [2 D] float32 of the codes of normal windows.
        codes: [M, 2 D] of remembered windows, over ``deviation``.
        windows: [M, T, F] the same windows, to tell what was expected.
        logsum: scale of the error per channel against them.
    """

    config: PosteriorRecipe
    engine: Engine
    deviation: Floats
    codes: Floats
    windows: Floats
    logsum: LogSum

    @property
    def outputs(self) -> tuple[str, ...]:  # type: ignore[override]
        """The distance or the divergence, as configured."""
        return (self.config.score,)

    @property
    def runs_on(self) -> str:
        """As in ``Member``."""
        return self.engine.name

    def divergence(self, posterior: Floats) -> Floats:
        """Returns KL(q(z|x) || N(0, I)) of [B, 2 D], [B] nats: ½ sum(sigma² + mu² − 1 − 2 ln sigma)."""
        mu, log_sd = np.split(posterior, 2, axis=1)
        nats = 0.5 * (np.exp(2 * log_sd) + np.square(mu) - 1 - 2 * log_sd).sum(axis=1)
        return np.maximum(nats, 0).astype(np.float32)

    def look(self, windows: Floats, observed: Bools | None) -> Look:
        """As in ``Member``; shares are told by the difference from the windows with the nearest codes."""
        posterior = self.engine.run(windows)
        index, distance = self._nearest(posterior)
        value = distance if self.config.score == "distance" else self.divergence(posterior)
        error = channel_error(windows, self.windows[index].mean(axis=1), observed)
        return Look(value[:, None], self.logsum.terms(error).astype(np.float32))

    def expect(self, windows: Floats, observed: Bools | None) -> Floats:
        """Returns the mean of the normal windows with the nearest codes, [B, T, F]."""
        del observed
        return self.windows[self._nearest(self.engine.run(windows))[0]].mean(axis=1)

    def refit(self, runs: list[Rows]) -> Member:
        """Keeps the encoder, and remembers codes of all rows."""
        return self.learnt(runs)

    def learnt(self, runs: list[Rows]) -> "Posterior":
        """Returns the same encoder with the codes of windows evenly over ``runs``."""
        windows = spread(runs, self.window, self.config.size)
        codes = in_blocks(lambda part, _: Look(self.engine.run(part), None), windows, None).values
        deviation = np.maximum(codes.std(axis=0, dtype=np.float64), 1e-6).astype(np.float32)
        return replace(self, deviation=deviation, codes=codes / deviation, windows=windows)

    def scaled(self, held_out: list[Rows]) -> "Posterior":
        """Returns the same member with the scale of its error on held-out normal rows."""
        windows = spread(held_out, self.window, SCALED)
        error = in_blocks(lambda part, _: Look(self._error(part), None), windows, None)
        return replace(self, logsum=LogSum.fit(error.values))

    def tensors(self) -> Mapping[str, Floats]:
        """As in ``Member``."""
        found = {"deviation": self.deviation, "codes": self.codes, "windows": self.windows, "scale": self.logsum.scale}
        return found | as_tensors(self.engine.graphs)

    def _nearest(self, posterior: Floats) -> tuple[Ints, Floats]:
        codes = posterior / self.deviation
        return smallest(product(codes, self._doubled), self._squares, np.square(codes).sum(axis=1), NEIGHBOURS)

    @cached_property
    def _doubled(self) -> Floats:
        return -2 * self.codes.T

    @cached_property
    def _squares(self) -> Floats:
        return np.square(self.codes).sum(axis=1)

    def _error(self, windows: Floats) -> Floats:
        return channel_error(windows, self.expect(windows, None), None)
