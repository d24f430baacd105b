"""A memory of normal windows: how far is this window from the nearest ones seen in training."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from detector.members.base import Look, Member, Progress, Rows, product, spread
from detector.members.neighbours import smallest
from detector.members.subspace import fit_subspace
from detector.scoring.error import channel_error
from detector.scoring.logsum import LogSum
from detector.types import Bools, Floats, Ints

NEIGHBOURS = 3
TAIL = 8


class MemoryMember(BaseModel):
    """Distance to the nearest normal windows in a linear subspace.

    Paper: Ramaswamy, Rastogi, Shim (2000), distance to the k-th neighbour as outlier score; here the mean of the
    three nearest, sqrt(mean distance^2 + energy outside the subspace).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["memory"] = "memory"
    name: str = "memory"
    window: int = Field(default=16, ge=2, description="Rows of a window")
    stride: int = Field(default=1, ge=1, description="Look at the first row of every so many grid steps")
    centre: bool = Field(default=False, description="Compare shapes: every window minus its own mean")
    outside: bool = Field(default=True, description="Add the energy that lies outside the subspace")
    stand_in: bool = Field(
        default=False, description="Also score the newest rows against those of the neighbours, per channel"
    )
    dimensions: int = Field(default=48, ge=1, description="Dimensions of the subspace")
    size: int = Field(default=2000, ge=4, description="Windows remembered")
    weight: float = Field(default=1.0, gt=0, description="Weight of every output in the fusion")

    def shortened(self, window: int) -> "MemoryMember":
        """Returns the same member with a shorter window, for short data."""
        return self.model_copy(update={"window": window})

    def fit(self, runs: list[Rows], held_out: list[Rows], seed: int, progress: Progress) -> Member:
        """Learns the memory from ``runs`` and the scale of the stand-in error from ``held_out``."""
        del seed
        progress(self.name, 0.0)
        memory = _learn(self, runs, None)
        if self.stand_in:
            windows = spread(held_out, self.window, 6000)
            memory = _learn(self, runs, LogSum.fit(memory.stand_in_error(windows, None, memory.nearest(windows)[0])))
        progress(self.name, 1.0)
        return memory

    def restore(self, tensors: Mapping[str, Floats], channels: int) -> Member:
        """Rebuilds a fitted member from its tensors."""
        del channels
        logsum = LogSum(tensors["scale"].astype(np.float64)) if "scale" in tensors else None
        tail = tensors.get("tail")
        return Memory(self, tensors["mean"], tensors["basis"], tensors["codes"], tail, logsum)


@dataclass(frozen=True)
class Memory(Member):
    """A fitted memory.

    Attributes:
        config: what was asked for.
        mean: [W * F] mean of the flattened windows.
        basis: [W * F, k] of the subspace.
        codes: [M, k] remembered windows.
        tail: [M, 8, F] the newest rows of the remembered windows, for the stand-in error.
        logsum: scale of that error.
    """

    config: MemoryMember
    mean: Floats
    basis: Floats
    codes: Floats
    tail: Floats | None
    logsum: LogSum | None

    @property
    def outputs(self) -> tuple[str, ...]:  # type: ignore[override]
        """The distance, and the stand-in error if asked for."""
        return ("distance", "stand_in") if self.config.stand_in else ("distance",)

    def nearest(self, windows: Floats) -> tuple[Ints, Floats]:
        """Returns indices [B, 3] of the nearest remembered windows and the distance [B]."""
        if self.config.centre:
            windows = windows - windows.mean(axis=1, keepdims=True)
        flat = windows.reshape(len(windows), -1) - self.mean
        codes = product(flat, self.basis)
        energy = np.square(codes).sum(axis=1)
        index, distance = smallest(product(codes, self._doubled), self._squares, energy, NEIGHBOURS)
        if self.config.outside:
            distance = np.sqrt(distance**2 + np.maximum(np.square(flat).sum(axis=1) - energy, 0))
        return index, distance

    @cached_property
    def _doubled(self) -> Floats:
        """Minus twice the codes, [k, M]."""
        return -2 * self.codes.T

    @cached_property
    def _squares(self) -> Floats:
        """Squared length of every code, [M]."""
        return np.square(self.codes).sum(axis=1)

    def stand_in_error(self, windows: Floats, observed: Bools | None, index: Ints) -> Floats:
        """Returns [B, F], the error of the newest rows when the neighbours' mean stands in for them."""
        assert self.tail is not None
        level = windows.mean(axis=1, keepdims=True) if self.config.centre else 0
        return channel_error(windows[:, -TAIL:], self.tail[index].mean(axis=1) + level, observed, TAIL)

    def look(self, windows: Floats, observed: Bools | None) -> Look:
        """As in ``Member``."""
        index, distance = self.nearest(windows)
        if self.logsum is None:
            return Look(distance[:, None], None)
        terms = self.logsum.terms(self.stand_in_error(windows, observed, index))
        return Look(np.stack([distance, terms.mean(axis=1)], axis=1).astype(np.float32), terms.astype(np.float32))

    def refit(self, runs: list[Rows]) -> Member:
        """As in ``Member``."""
        return _learn(self.config, runs, self.logsum)

    def tensors(self) -> Mapping[str, Floats]:
        """As in ``Member``."""
        found = {"mean": self.mean, "basis": self.basis, "codes": self.codes}
        if self.tail is not None and self.logsum is not None:
            found |= {"tail": self.tail, "scale": self.logsum.scale}
        return found


def _learn(config: MemoryMember, runs: list[Rows], logsum: LogSum | None) -> Memory:
    windows = spread(runs, config.window, 2 * config.size)
    if config.centre:
        windows = windows - windows.mean(axis=1, keepdims=True)
    flat = windows.reshape(len(windows), -1)
    mean, basis = fit_subspace(flat, dimensions=config.dimensions)
    kept = np.linspace(0, len(flat) - 1, min(config.size, len(flat))).round().astype(int)
    tail = np.ascontiguousarray(windows[kept, -TAIL:]) if config.stand_in else None
    return Memory(config, mean, basis, product(flat[kept] - mean, basis), tail, logsum)
