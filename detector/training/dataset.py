"""Training windows as a view over rows: positions are sampled, windows are gathered a batch at a time."""

from collections.abc import Iterator
from typing import Self

import numpy as np
import torch

from detector.models.backbones.base import Shape
from detector.models.base import Batch
from detector.types import Bools, Floats, Ints
from detector.windows.scale import filled


class Windows:
    """All windows of ``length`` consecutive rows that stay within one run.

    Args:
        rows: [N, F] float32, scaled, in order of time within each run; NaN is masked.
        observed: [N, F] bool, False masks an element whatever its value; None masks NaN only.
        length: T.
        stride: rows between the beginnings of neighbouring windows of a run.
        run_starts: [R] first row of every run, in order; None takes all rows for one run.
        fill: [F] what a masked element counts as that has no observed one before it in its window; None is 0.
        centre: every window minus its own mean over the observed rows, per channel.
        conditions: [N, C] columns for the encoder that nobody reconstructs, such as the hour; None has no such.
    """

    def __init__(
        self,
        rows: Floats,
        observed: Bools | None = None,
        *,
        length: int,
        stride: int = 1,
        run_starts: Ints | None = None,
        fill: Floats | None = None,
        centre: bool = False,
        conditions: Floats | None = None,
    ):
        rows = np.asarray(rows, np.float32)
        self._rows = rows if observed is None else np.where(observed, rows, np.float32(np.nan))
        self._complete = bool(np.isfinite(self._rows).all())
        self._fill = np.zeros(rows.shape[1], np.float32) if fill is None else np.asarray(fill, np.float32)
        self._conditions = None if conditions is None else np.asarray(conditions, np.float32)
        self._steps = np.arange(length)
        self._centre = centre
        first = np.array([0]) if run_starts is None else np.asarray(run_starts)
        ends = np.append(first[1:], len(rows))
        starts = [np.arange(a, b - length + 1, stride) for a, b in zip(first, ends, strict=True)]
        self.starts: Ints = np.concatenate(starts).astype(np.int64) if starts else np.empty(0, np.int64)

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def shape(self) -> Shape:
        """Shape of the windows."""
        conditions = 0 if self._conditions is None else self._conditions.shape[1]
        return Shape(len(self._steps), self._rows.shape[1], conditions)

    @property
    def span(self) -> tuple[float, float]:
        """Least and greatest observed value of all rows."""
        return float(np.nanmin(self._rows)), float(np.nanmax(self._rows))

    def gather(self, indices: Ints) -> Batch:
        """Copies windows [B, T, F + C] and their masks [B, T, F] by number."""
        at = self.starts[np.asarray(indices)][:, None] + self._steps
        x = self._rows[at]
        if self._complete:
            observed = np.ones(x.shape, np.bool_)
        else:
            x, observed = filled(x, self._fill)
        if self._centre:
            count = np.maximum(observed.sum(1, keepdims=True), 1)
            x = x - np.where(observed, x, 0).sum(1, keepdims=True, dtype=np.float32) / count.astype(np.float32)
        if self._conditions is not None:
            x = np.concatenate([x, self._conditions[at]], 2)
        return Batch(torch.from_numpy(x), torch.from_numpy(observed))

    def spread(self, most: int) -> Ints:
        """Returns the numbers of ``most`` windows evenly over time, of all if there are fewer."""
        return np.linspace(0, len(self) - 1, min(most, len(self))).round().astype(np.int64)

    def batches(self, most: int, size: int = 256) -> Iterator[Batch]:
        """Yields ``spread(most)`` in order, ``size`` windows at a time."""
        picks = self.spread(most)
        for begin in range(0, len(picks), size):
            yield self.gather(picks[begin : begin + size])

    def split(self, held_out_ratio: float) -> tuple[Self, Self]:
        """Splits by time: the last share of the windows is held out, none of the first shares a row with it.

        Returns:
            Windows to train on and windows held out, over the same rows.
        """
        cut = round(len(self) * (1 - held_out_ratio))
        held_out = self._only(self.starts[cut:])
        end = held_out.starts[0] if len(held_out) else len(self._rows)
        return self._only(self.starts[:cut][self.starts[:cut] + len(self._steps) <= end]), held_out

    def _only(self, starts: Ints) -> Self:
        part = object.__new__(type(self))
        part.__dict__.update(self.__dict__, starts=starts)
        return part
