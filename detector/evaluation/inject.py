"""Anomalies made on purpose: nine kinds put into normal rows, in the channels' own units.

They test whether a detector reacts at all. They do not tell which of two good detectors is better on real anomalies:
on real series both rankings hardly agree (rank correlation .22).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from detector.types import Bools, Floats

Change = Callable[[Floats, Floats, np.random.Generator], Floats]
"""Takes rows [N, C] of the channels concerned, their deviations [C] and a source of randomness; returns new rows."""

SPREAD_RATIO = 1 / 3
"""An anomaly reaches one channel up to this share of all."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of anomaly.

    Attributes:
        change: makes it.
        rows: how many rows it lasts; None fills the place it is given.
        channels: how many channels it concerns; None draws one up to a third of them.
        least: channels that the data must have.
    """

    change: Change
    rows: int | None = None
    channels: int | None = None
    least: int = 1


@dataclass(frozen=True, slots=True)
class Pieces:
    """Pieces of normal rows with an anomaly in each.

    Attributes:
        values: [N, L, F] float64, NaN masked.
        labels: [N, L] bool; a piece that the injection could not change has none.
    """

    values: Floats
    labels: Bools


def inject(pieces: Floats, kind: str, place: slice, deviation: Floats, seed: int) -> Pieces:
    """Puts one anomaly into every piece.

    Args:
        pieces: [N, L, F] float64 normal rows, NaN masked.
        kind: a name in ``KINDS``.
        place: rows of a piece that the anomaly may fill; a short one stands in its middle.
        deviation: [F], how far each channel usually lies from its mean; 0 where it never moves.
        seed: of channels, sizes and signs; a piece's anomaly does not depend on the other kinds.

    Returns:
        Changed copies and which rows are anomalous.
    """
    anomaly = KINDS[kind]
    rng = np.random.default_rng([seed, list(KINDS).index(kind)])
    values, labels = pieces.copy(), np.zeros(pieces.shape[:2], bool)
    if pieces.shape[2] < anomaly.least:
        return Pieces(values, labels)
    moving = np.flatnonzero(deviation > 0)
    candidates = moving if len(moving) >= anomaly.least else np.arange(len(deviation))
    begin, end = place.start, place.stop
    if anomaly.rows is not None:
        begin = (begin + end - anomaly.rows) // 2
        end = begin + anomaly.rows
    size = np.where(deviation > 0, deviation, 1.0)
    for piece, label in zip(values, labels, strict=True):
        count = anomaly.channels or 1 + int(rng.integers(max(1, round(SPREAD_RATIO * len(candidates)))))
        channels = rng.permutation(candidates)[:count]
        before = piece[begin:end, channels]
        after = anomaly.change(before, size[channels], rng)
        piece[begin:end, channels] = after
        label[begin:end] = not np.array_equal(before, after, equal_nan=True)
    return Pieces(values, labels)


def spike(rows: Floats, size: Floats, rng: np.random.Generator) -> Floats:
    """A jump by four to eight deviations and back."""
    return rows + size * _either(rng, 4, 8)


def level_shift(rows: Floats, size: Floats, rng: np.random.Generator) -> Floats:
    """Another level, two to four deviations away."""
    return rows + size * _either(rng, 2, 4)


def drift(rows: Floats, size: Floats, rng: np.random.Generator) -> Floats:
    """A straight line away, up to three to six deviations."""
    return rows + np.linspace(0, 1, len(rows))[:, None] * size * _either(rng, 3, 6)


def flat_line(rows: Floats, size: Floats, rng: np.random.Generator) -> Floats:
    """A stuck sensor: the first value again and again."""
    return np.where(np.isnan(rows), np.nan, rows[:1])


def noise_burst(rows: Floats, size: Floats, rng: np.random.Generator) -> Floats:
    """White noise of two deviations on top."""
    return rows + 2 * size * rng.standard_normal(rows.shape)


def time_warp(rows: Floats, size: Floats, rng: np.random.Generator) -> Floats:
    """The same course, slow at first and fast at the end."""
    step = np.arange(len(rows))
    warped = (len(rows) - 1) * (step / max(len(rows) - 1, 1)) ** 2
    return np.stack([np.interp(warped, step, column) for column in rows.T], axis=1)


def swapped_channels(rows: Floats, size: Floats, rng: np.random.Generator) -> Floats:
    """Two channels in each other's place."""
    return rows[:, ::-1]


def broken_correlation(rows: Floats, size: Floats, rng: np.random.Generator) -> Floats:
    """One channel backwards in time: its values and spectrum stay, its relation to the others goes."""
    return rows[::-1]


def missing_pulse(rows: Floats, size: Floats, rng: np.random.Generator) -> Floats:
    """The excursions to the side that has the larger ones are cut off at the median."""
    low, middle, high = np.nanquantile(np.where(np.isnan(rows).all(axis=0), 0.0, rows), [0, 0.5, 1], axis=0)
    return np.where(high - middle >= middle - low, np.minimum(rows, middle), np.maximum(rows, middle))


KINDS = {
    "spike": Kind(spike, rows=1),
    "level_shift": Kind(level_shift),
    "drift": Kind(drift),
    "flat_line": Kind(flat_line),
    "noise_burst": Kind(noise_burst),
    "time_warp": Kind(time_warp),
    "swapped_channels": Kind(swapped_channels, channels=2, least=2),
    "broken_correlation": Kind(broken_correlation, channels=1, least=2),
    "missing_pulse": Kind(missing_pulse),
}


def _either(rng: np.random.Generator, low: float, high: float) -> float:
    return float(rng.uniform(low, high) * rng.choice([-1, 1]))
