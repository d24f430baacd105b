"""A detector: members plus fusion, immutable once fitted."""

from dataclasses import dataclass
from math import gcd

import numpy as np
from numba import njit

from detector.members.base import MOST, Look, Member, in_blocks, pad
from detector.scoring.hold import Hold, due
from detector.types import Bools, Explanation, Floats, Ints, WindowBatch
from detector.windows import clock
from detector.windows.gather import gathered
from detector.windows.scale import RowScaler, filled, whole
from detector.windows.schema import Schema

FLOOR = 1e-3
"""Least quantile of an output: an output that never moves on normal data must not blow up."""


@dataclass(frozen=True, slots=True)
class Fusion:
    """Every output over its own held-out 99% quantile, then the weighted mean.

    Attributes:
        norm: [K] float64 > 0, the quantiles (with a small floor).
        neutral: [K] float64, held-out medians: what an output says while its window is not full.
        weight: [K] float64.
    """

    norm: Floats
    neutral: Floats
    weight: Floats

    @classmethod
    def fit(cls, values: list[Floats], weights: list[float]) -> "Fusion":
        """Fits to what every member said of held-out normal windows.

        Args:
            values: for every member [N, K_m].
            weights: for every member, shared by all its outputs.
        """
        return cls(
            np.concatenate([np.quantile(v, 0.99, axis=0) for v in values]) + FLOOR,
            np.concatenate([np.median(v, axis=0) for v in values]).astype(np.float64),
            np.concatenate([np.full(v.shape[1], w) for v, w in zip(values, weights, strict=True)]),
        )

    @property
    def gain(self) -> Floats:
        """[K], what one unit of an output adds to the fused score."""
        return self.weight / (self.norm * self.weight.sum())


@dataclass(frozen=True, slots=True)
class Detector:
    """Everything that turns windows into scores.

    Attributes:
        schema: channels and grid.
        scaler: raw to scaled values.
        members: at least one.
        fusion: over the outputs of all members, in their order.
        band: [F] float64, held-out 99% quantile of the error of the expected value, scaled units; NaN where the
            detector expects nothing.
        held_out: causal fused scores of held-out normal rows, one array per run: what calibration is fitted to.
    """

    schema: Schema
    scaler: RowScaler
    members: tuple[Member, ...]
    fusion: Fusion
    band: Floats
    held_out: tuple[Floats, ...]

    @property
    def window(self) -> int:
        """Rows of the longest window."""
        return max(member.window for member in self.members)

    @property
    def hop(self) -> int:
        """Grid steps from one window that some member looks at to the next."""
        return gcd(*(member.stride for member in self.members))

    @property
    def channels(self) -> int:
        """F."""
        return len(self.schema.channels)

    @property
    def conditions(self) -> int:
        """C, columns behind the channels that some member is told."""
        return max(member.conditions for member in self.members)

    def scaled(self, values: Floats, time_ns: Ints | None = None) -> Floats:
        """Returns rows as windows are made of: scaled channels, and the conditions that some member is told.

        Args:
            values: [..., F] raw, NaN masked.
            time_ns: [...] of the rows, None for rows torn out of their time.

        Returns:
            [..., F + C] float32.
        """
        rows = self.scaler.transform(values)
        if not self.conditions:
            return rows
        none = np.zeros((*rows.shape[:-1], self.conditions), np.float32)
        return np.concatenate([rows, none if time_ns is None else clock.told(time_ns)], axis=-1)

    def holds(self, capacity: int) -> list[Hold]:
        """Returns the fresh state that ``fuse`` keeps per series, one for each member."""
        made, k = [], 0
        for member in self.members:
            n = len(member.outputs)
            neutral = np.concatenate([self.fusion.neutral[k : k + n], np.zeros(self.channels)])
            made.append(Hold(neutral, capacity))
            k += n
        return made

    def fuse(self, batch: WindowBatch, holds: list[Hold]) -> tuple[Floats, Floats]:
        """Scores the newest row of every window, causally.

        Args:
            batch: windows of this detector's length, in order of time within each series.
            holds: state from ``holds``, changed in place.

        Returns:
            score [B] float64, whatever the newest row holds, and contribution [B, F] float32, whose rows sum to 1 or
            are 0.
        """
        score, terms = np.zeros(len(batch)), np.zeros((len(batch), self.channels), np.float32)
        complete = None if whole(batch.rows) else self._filled(gathered(batch.rows, batch.end, self.window))
        k, gains = 0, self.fusion.gain
        for member, hold in zip(self.members, holds, strict=True):
            gain = gains[k : k + len(member.outputs)]
            fresh, count = _fresh(batch.filled, batch.cell, batch.previous_cell, member.window, member.stride)
            columns = np.zeros((len(batch), len(gain) + self.channels), np.float32)
            if count:
                rows, told = slice(None) if count == len(fresh) else fresh, self.channels + member.conditions
                if complete is None:
                    look = member.along(batch.rows[:, :told], batch.end[rows])
                else:
                    windows, observed = complete[0][rows, -member.window :, :told], complete[1][rows, -member.window :]
                    look = in_blocks(member.look, windows, observed)
                _put(columns, fresh, look.values, _shares(look, self.channels))
            _add(hold.push(batch.series, batch.filled, columns, fresh), gain, score, terms)
            k += len(gain)
        _normalise(terms)
        return score, terms

    def explain(self, windows: Floats, back: Ints) -> Explanation:
        """Says what was expected of one row of each window.

        Args:
            windows: [B, T, F + C] float32 as ``scaled`` gives rows, NaN masked.
            back: [B] how many rows before the newest the row in question lies, < T.

        Returns:
            Actual, expected and band in the channels' own units; expected is NaN where no member expects anything.
        """
        actual = windows[np.arange(len(windows)), windows.shape[1] - 1 - back, : self.channels]
        complete, observed = (windows, None) if whole(windows) else self._filled(windows)
        expected = self.expected(complete, observed, back)
        units = self.scaler.inverse
        return Explanation(units(actual), units(expected), units(expected - self.band), units(expected + self.band))

    def expected(self, windows: Floats, observed: Bools | None, back: Ints) -> Floats:
        """Returns what the first member that can tell expected of one row of each window, [B, F] scaled.

        Args:
            windows: [B, T, F] without NaN.
            observed: [B, T, F], None where every element is.
            back: [B], < T.

        Returns:
            NaN for rows outside that member's window, or where no member can tell.
        """
        rows = np.arange(len(windows))
        for member in self.members:
            shown = windows[:, -member.window :, : self.channels + member.conditions]
            found = _expect(member, shown, None if observed is None else observed[:, -member.window :])
            if found is not None:
                at = member.window - 1 - back
                return np.where((at >= 0)[:, None], found[rows, np.maximum(at, 0)], np.nan)
        return np.full((len(windows), self.channels), np.nan)

    def _filled(self, windows: Floats) -> tuple[Floats, Bools]:
        """Fills windows [B, T, F + C]; returns them and which elements of the channels were observed."""
        more = windows.shape[2] - self.channels
        fill = np.concatenate([self.scaler.fill, np.zeros(more, np.float32)]) if more else self.scaler.fill
        found, observed = filled(windows, fill)
        return found, observed[..., : self.channels]


# What follows is too short to let another thread in.


@njit(cache=True)
def _fresh(filled: Ints, cell: Ints, previous_cell: Ints, window: int, stride: int) -> tuple[Bools, int]:
    """Returns at which windows [B] a member looks, and at how many."""
    found, count = due(cell, previous_cell, stride), 0
    for b in range(len(found)):
        found[b] &= filled[b] >= window
        count += found[b]
    return found, count


@njit(cache=True)
def _put(columns: Floats, fresh: Bools, values: Floats, terms: Floats) -> None:
    """Writes what a member saw, [N, K] and [N, F], into those rows of ``columns`` [B, K + F] that are fresh."""
    n = 0
    for b in range(len(columns)):
        if fresh[b]:
            for k in range(values.shape[1]):
                columns[b, k] = values[n, k]
            for f in range(terms.shape[1]):
                columns[b, values.shape[1] + f] = terms[n, f]
            n += 1


@njit(cache=True)
def _add(held: Floats, gain: Floats, score: Floats, terms: Floats) -> None:
    """Adds what a member says to score and terms; no matrix product, whose bits depend on the size of the batch."""
    outputs = len(gain)
    for b in range(len(score)):
        for k in range(outputs):
            score[b] += held[b, k] * gain[k]
        for f in range(terms.shape[1]):
            terms[b, f] += held[b, outputs + f] * np.float32(gain[-1])


@njit(cache=True)
def _normalise(terms: Floats) -> None:
    """Divides every row by its sum, in place; a row of 0 stays."""
    for b in range(len(terms)):
        total = 0.0
        for f in range(terms.shape[1]):
            total += terms[b, f]
        if total > 0:
            for f in range(terms.shape[1]):
                terms[b, f] /= total


def _shares(look: Look, channels: int) -> Floats:
    return np.zeros((len(look.values), channels), np.float32) if look.terms is None else look.terms


def _expect(member: Member, windows: Floats, observed: Bools | None) -> Floats | None:
    parts = []
    for begin in range(0, len(windows), MOST):
        part = windows[begin : begin + MOST]
        seen = None if observed is None else pad(observed[begin : begin + MOST])
        found = member.expect(pad(part), seen)
        if found is None:
            return None
        parts.append(found[: len(part)])
    return np.concatenate(parts) if parts else None
