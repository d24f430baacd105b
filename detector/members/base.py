"""What every member of a detector is: one way of looking at the window that ends at a row.

A member gives one or more values per window (its outputs) and, where it can, the share of every channel. Members
are fitted on the rows that train and calibrated on held-out rows; fusion is the detector's business.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from detector.types import Bools, Floats, Ints
from detector.windows.gather import gathered
from detector.windows.scale import filled

BLOCK = 64
"""Networks give the same bits in any batch of whole blocks of this many rows."""

FEW = 8
"""Rows of one matrix product: with more, BLAS sums some rows in another order, on some processors."""

MOST = 1024
"""Rows looked at in one go: enough to keep the processor busy, few enough to stay in its cache."""

Scalar = TypeVar("Scalar", bound=np.generic)

Progress = Callable[[str, float], None]
"""Called with the name of the step and the share of it that is done, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a member saw in a batch of windows.

    Attributes:
        values: [B, K] float32, one column per output, higher is more anomalous, never negative.
        terms: [B, F] float32, how much each channel adds, or None where the member cannot tell.
    """

    values: Floats
    terms: Floats | None


@dataclass(frozen=True, slots=True)
class Rows:
    """One run of scaled rows to learn from.

    Attributes:
        values: [N, F] float32, NaN is masked; for members that are told conditions, [N, F + C].
        fill: as many, what stands in for a masked value at the beginning of a window.
    """

    values: Floats
    fill: Floats

    def __len__(self) -> int:
        return len(self.values)

    def only(self, columns: int) -> "Rows":
        """Returns the first so many columns."""
        return self if columns == self.values.shape[1] else Rows(self.values[:, :columns], self.fill[:columns])

    def windows(self, length: int) -> Floats:
        """Returns a read-only view [N - length + 1, length, F] of all windows, none where the run is shorter."""
        if len(self.values) < length:
            return np.empty((0, length, self.values.shape[1]), np.float32)
        return np.lib.stride_tricks.sliding_window_view(self.values, length, axis=0).transpose(0, 2, 1)


class MemberSettings(Protocol):
    """What the settings of every kind of member have."""

    name: str
    window: int
    stride: int


class Member(ABC):
    """A fitted member.

    Attributes:
        outputs: names of its values.
    """

    __slots__ = ()
    config: MemberSettings
    outputs: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its name, unique in the detector."""
        return self.config.name

    @property
    def window(self) -> int:
        """Rows it looks at."""
        return self.config.window

    @property
    def stride(self) -> int:
        """It looks at the first row of every so many grid steps."""
        return self.config.stride

    @property
    def conditions(self) -> int:
        """C, columns behind the channels that it is told and does not judge."""
        return 0

    @property
    def runs_on(self) -> str | None:
        """The library that runs its network, None where it has no network."""
        return None

    @abstractmethod
    def look(self, windows: Floats, observed: Bools | None) -> Look:
        """Judges windows.

        Args:
            windows: [B, T, F + C] float32 without NaN; B is a whole number of blocks.
            observed: [B, T, F], or None where every element is.
        """

    def along(self, rows: Floats, end: Ints) -> Look:
        """Judges windows that lie in one array of rows and may overlap, with the bits of ``look``.

        Args:
            rows: [M, F + C] float32 without NaN.
            end: [B] the row after each window.
        """
        return in_blocks(self.look, gathered(rows, end, self.window), None)

    def expect(self, windows: Floats, observed: Bools | None) -> Floats | None:
        """Returns what it expected in place of the windows, [B, T, F], or None where it cannot tell."""
        return None

    @abstractmethod
    def refit(self, runs: list[Rows]) -> "Member":
        """Returns the member learnt anew from all rows, its scales kept; itself where that would cost too much."""

    @abstractmethod
    def tensors(self) -> Mapping[str, Floats]:
        """Returns everything fitted, by name, for the bundle; ``graph`` (bytes) becomes a file of its own."""


def in_blocks(look: Callable[[Floats, Bools | None], Look], windows: Floats, observed: Bools | None) -> Look:
    """Runs ``look`` on whole blocks of rows, so that scores do not depend on how a batch was cut.

    Args:
        look: as ``Member.look``.
        windows: [B, T, F], any B.
        observed: [B, T, F] or None.

    Returns:
        The look at the B windows.
    """
    values, terms = [], []
    for begin in range(0, len(windows), MOST):
        part = windows[begin : begin + MOST]
        seen = None if observed is None else pad(observed[begin : begin + MOST])
        found = look(pad(part), seen)
        values.append(found.values[: len(part)])
        if found.terms is not None:
            terms.append(found.terms[: len(part)])
    return Look(np.concatenate(values), np.concatenate(terms) if terms else None)


def pad(rows: NDArray[Scalar], block: int = BLOCK) -> NDArray[Scalar]:
    """Repeats the last row until the batch is a whole number of blocks; [B, ...] to [ceil(B / block) * block, ...]."""
    lacking = -len(rows) % block
    if not lacking:
        return np.ascontiguousarray(rows)
    return np.concatenate([rows, np.repeat(rows[-1:], lacking, axis=0)])


def spread(runs: list[Rows], length: int, most: int) -> Floats:
    """Picks windows evenly over all runs, in order of time.

    Args:
        runs: at least one row in all.
        length: T.
        most: windows wanted at most.

    Returns:
        [N, T, F] float32 with masked values filled, N <= most.
    """
    counts = np.array([max(len(run) - length + 1, 0) for run in runs])
    total = int(counts.sum())
    picks = np.arange(total) if total <= most else np.linspace(0, total - 1, most).round().astype(int)
    ends = np.cumsum(counts)
    parts = []
    for run, end, count in zip(runs, ends, counts, strict=True):
        mine = picks[(picks >= end - count) & (picks < end)] - (end - count)
        if len(mine):
            parts.append(filled(np.ascontiguousarray(run.windows(length)[mine]), run.fill)[0])
    return np.concatenate(parts)


def product(rows: Floats, matrix: Floats) -> Floats:
    """Multiplies few rows at a time: in one product of many the bits of a row depend on its place among them.

    Args:
        rows: [B, K], any B.
        matrix: [K, N].

    Returns:
        [B, N].
    """
    blocks = pad(rows, FEW).reshape(-1, FEW, rows.shape[1])
    return np.matmul(blocks, matrix).reshape(-1, matrix.shape[1])[: len(rows)]
