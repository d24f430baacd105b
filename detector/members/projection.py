"""Principal components of short windows: the part of a window that the subspace does not hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from detector.members.base import Look, Member, Progress, Rows, product, spread
from detector.members.subspace import fit_subspace
from detector.scoring.error import channel_error
from detector.scoring.logsum import LogSum
from detector.types import Bools, Floats

ELEMENTS = 2000
LEARNT = 6000


class ProjectionMember(BaseModel):
    """PCA projection error per channel, pooled by log-sum or by plain mean.

    Paper: Jackson and Mudholkar (1979), the squared prediction error (Q statistic) of principal components.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["projection"] = "projection"
    name: str = "projection"
    window: int = Field(default=16, ge=1, description="Rows of a window; fewer where window x channels exceeds 2,000")
    stride: int = Field(default=1, ge=1, description="Look at the first row of every so many grid steps")
    variance_ratio: float = Field(default=0.9, gt=0, lt=1, description="Share of the variance that is held")
    pooling: Literal["log_sum", "mean"] = Field(
        default="log_sum",
        description="log_sum keeps one loud channel from drowning the others; mean lets many that break together shout",
    )
    weight: float = Field(default=1.0, gt=0, description="Weight in the fusion")

    def shortened(self, window: int) -> "ProjectionMember":
        """Returns the same member with a shorter window, for short data."""
        return self.model_copy(update={"window": window})

    def fit(self, runs: list[Rows], held_out: list[Rows], seed: int, progress: Progress) -> Member:
        """Learns the subspace from ``runs`` and the scale per channel from ``held_out``."""
        del seed
        progress(self.name, 0.0)
        window = max(1, min(self.window, ELEMENTS // runs[0].values.shape[1]))
        config = self.shortened(window)
        mean, basis = _subspace(config, runs)
        bare = Projection(config, mean, basis, LogSum(np.ones(runs[0].values.shape[1])))
        scale = LogSum.fit(bare.error(spread(held_out, window, LEARNT), None))
        progress(self.name, 1.0)
        return Projection(config, mean, basis, scale)

    def restore(self, tensors: Mapping[str, Floats], channels: int) -> Member:
        """Rebuilds a fitted member from its tensors."""
        window = len(tensors["mean"]) // channels
        scale = LogSum(tensors["scale"].astype(np.float64))
        return Projection(self.shortened(window), tensors["mean"], tensors["basis"], scale)


@dataclass(frozen=True)
class Projection(Member):
    """A fitted projection: mean [W * F], basis [W * F, k] and the scale of the error per channel."""

    config: ProjectionMember
    mean: Floats
    basis: Floats
    logsum: LogSum
    outputs: ClassVar[tuple[str, ...]] = ("error",)  # type: ignore[misc]

    def expect(self, windows: Floats, observed: Bools | None) -> Floats:
        """Returns the windows' projection on the subspace, [B, T, F]."""
        del observed
        flat = windows.reshape(len(windows), -1) - self.mean
        return (product(product(flat, self.basis), self.basis.T) + self.mean).reshape(windows.shape)

    def error(self, windows: Floats, observed: Bools | None) -> Floats:
        """Returns the mean squared residual of every channel, [B, F]."""
        return channel_error(windows, self.expect(windows, observed), observed)

    def look(self, windows: Floats, observed: Bools | None) -> Look:
        """As in ``Member``."""
        error = self.error(windows, observed)
        terms = (error if self.config.pooling == "mean" else self.logsum.terms(error)).astype(np.float32)
        return Look(terms.mean(axis=1, keepdims=True), terms)

    def refit(self, runs: list[Rows]) -> Member:
        """As in ``Member``."""
        return Projection(self.config, *_subspace(self.config, runs), self.logsum)

    def tensors(self) -> Mapping[str, Floats]:
        """As in ``Member``."""
        return {"mean": self.mean, "basis": self.basis, "scale": self.logsum.scale}


def _subspace(config: ProjectionMember, runs: list[Rows]) -> tuple[Floats, Floats]:
    windows = spread(runs, config.window, LEARNT)
    return fit_subspace(windows.reshape(len(windows), -1), variance_ratio=config.variance_ratio)
