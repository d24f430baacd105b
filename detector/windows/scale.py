"""Rows on a common scale: a transform fitted once on training rows, and two views that a window takes of itself.

NaN marks a masked value everywhere and stays NaN, so nothing here invents data; ``filled`` is the one door through
which masked elements receive a value, and it says which they were. The kernels go element by element in float64,
so a row or window has the same bits whatever stands beside it in the batch.
"""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numba import njit
from pydantic import BaseModel, ConfigDict, Field

from detector.types import Bools, Floats

_KNEE = 5.0
_CONSTANT_STEP = 3.0
_NEGLIGIBLE_RATIO = 1e-12
_IQR_OF_NORMAL = 1.3489795003921634


class ScalerConfig(BaseModel):
    """How rows are put on a common scale."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    robust: bool = Field(
        default=False,
        description="Centre on the median and divide by the interquartile range instead of mean and deviation",
    )

    logarithmic: bool = Field(
        default=False,
        description="Take sign(x) ln(1 + |x|) of every value first: for counts and sizes over many orders of magnitude",
    )

    def fit(self, values: Floats) -> "RowScaler":
        """Fits one scale per channel to training rows.

        A channel with only two distinct values gets at least half its range as deviation, so that a rare command is
        not a loud outlier. A channel without any value counts as constant at 0.

        Args:
            values: [N, F] float64, NaN where there is no value.

        Returns:
            The fitted scaler.
        """
        rows = _logarithm(np.asarray(values, np.float64)) if self.logarithmic else np.asarray(values, np.float64)
        channels = [self._channel(column[np.isfinite(column)]) for column in rows.T]
        mean, deviation, median = np.array(channels, np.float64).reshape(-1, 3).T.copy()
        fill = _transform(median[None].copy(), mean, deviation)[0]
        return RowScaler(mean, deviation, fill, self.logarithmic)

    def _channel(self, seen: Floats) -> tuple[float, float, float]:
        """Centre, deviation (0 for a constant) and median of the values of one channel."""
        if not len(seen):
            return 0.0, 0.0, 0.0
        low, quarter, median, three_quarters, high = np.quantile(seen, [0, 0.25, 0.5, 0.75, 1])
        if high - low <= _NEGLIGIBLE_RATIO * max(abs(low), abs(high)):
            return float(median), 0.0, float(median)
        mean, deviation = float(seen.mean()), float(seen.std())
        if self.robust:
            mean, deviation = float(median), (three_quarters - quarter) / _IQR_OF_NORMAL or deviation
        if np.all((seen == low) | (seen == high)):
            deviation = max(deviation, (high - low) / 2)
        return mean, float(deviation), float(median)


@dataclass(frozen=True, slots=True)
class RowScaler:
    """Fitted transform of rows, one scale per channel, invertible.

    Attributes:
        mean: [F] float64, centre of each channel in training.
        deviation: [F] float64, 0 where the channel was constant in training.
        fill: [F] float32, the scaled training median: what a masked value is taken for where a number is needed.
        logarithmic: centre and deviation are those of sign(x) ln(1 + |x|).
    """

    mean: Floats
    deviation: Floats
    fill: Floats
    logarithmic: bool = False

    def transform(self, values: Floats) -> Floats:
        """Standardises rows and bends extremes: beyond 5 deviations the scale is logarithmic.

        A channel constant in training that moves by d becomes sign(d) (3 + ln(1 + |d|)).

        Args:
            values: [..., F] float64; NaN and infinity are masked values.

        Returns:
            [..., F] float32, NaN where masked.
        """
        rows = np.ascontiguousarray(values, np.float64).reshape(-1, len(self.mean))
        return _transform(_logarithm(rows) if self.logarithmic else rows, self.mean, self.deviation).reshape(
            values.shape
        )

    def inverse(self, scaled: Floats) -> Floats:
        """Takes scaled rows back into the channels' own units.

        Args:
            scaled: [..., F] float32 or float64.

        Returns:
            [..., F] float64. What lies between 0 and the first step of a constant channel is its constant.
        """
        z = np.asarray(scaled, np.float64)
        size = np.abs(z)
        bent = np.where(size > _KNEE, _KNEE + np.expm1(np.clip(size - _KNEE, 0, 700)), size)
        moved = np.expm1(np.clip(size - _CONSTANT_STEP, 0, 700))
        distance = np.where(self.deviation > 0, bent * self.deviation, moved)
        values = self.mean + np.sign(z) * distance
        if self.logarithmic:
            values = np.sign(values) * np.expm1(np.minimum(np.abs(values), 700))
        return np.where(np.isnan(z), np.nan, values)

    def tensors(self) -> dict[str, Floats]:
        """The scaler as named arrays, for a bundle."""
        found = {"mean": self.mean, "deviation": self.deviation, "fill": self.fill}
        return found | ({"logarithmic": np.ones(1)} if self.logarithmic else {})

    @classmethod
    def from_tensors(cls, tensors: dict[str, Floats]) -> Self:
        """The scaler that ``tensors`` described."""
        return cls(tensors["mean"], tensors["deviation"], tensors["fill"], "logarithmic" in tensors)


def center(windows: Floats) -> Floats:
    """Windows minus their own mean per channel, masked elements left out of it.

    Args:
        windows: [B, T, F] float32.

    Returns:
        [B, T, F] float32.
    """
    mean, _ = _moments(np.ascontiguousarray(windows))
    return windows - mean[:, None, :]


def standardise(windows: Floats, floor: float = 0.1) -> Floats:
    """Windows minus their own mean over their own deviation per channel, masked elements left out of both.

    Args:
        windows: [B, T, F] float32, scaled by a ``RowScaler``.
        floor: least deviation, in training deviations, so that a flat window is not blown up to noise.

    Returns:
        [B, T, F] float32.
    """
    mean, deviation = _moments(np.ascontiguousarray(windows))
    return (windows - mean[:, None, :]) / np.maximum(deviation, np.float32(floor))[:, None, :]


def filled(windows: Floats, fill: Floats) -> tuple[Floats, Bools]:
    """Windows without NaN: a masked element repeats the one before it, or ``fill`` where none is before it.

    Args:
        windows: [B, T, F] float32, oldest row first; returned as they are if nothing is masked.
        fill: [F] float32, as ``RowScaler.fill``.

    Returns:
        The windows without NaN, and [B, T, F] bool, True where the element was observed.
    """
    observed = windows == windows
    if observed.all():
        return windows, observed
    return _filled(np.ascontiguousarray(windows), fill), observed


@njit(cache=True, nogil=True)
def whole(windows: Floats) -> bool:
    """Tells whether nothing in windows [B, T, F] is masked."""
    masked = 0
    for value in windows.flat:
        masked += value != value
    return masked == 0


def _logarithm(values: Floats) -> Floats:
    return np.copysign(np.log1p(np.abs(values)), values)


@njit(cache=True, nogil=True)
def _transform(rows: Floats, mean: Floats, deviation: Floats) -> Floats:
    out = np.empty(rows.shape, np.float32)
    per_unit = np.where(deviation > 0, 1 / deviation, np.nan)  # a product takes a fifth of a division
    for i in range(rows.shape[0]):
        near = 0
        for f in range(rows.shape[1]):
            z = (rows[i, f] - mean[f]) * per_unit[f]
            out[i, f] = z
            near += abs(z) <= _KNEE
        if near < rows.shape[1]:
            for f in range(rows.shape[1]):
                out[i, f] = _bent(rows[i, f] - mean[f], per_unit[f])
    return out


@njit(cache=True, nogil=True)
def _bent(d: float, per_unit: float) -> float:
    size = abs(d)
    if not size < np.inf:
        return np.nan
    if per_unit > 0:
        z = size * per_unit
        return math.copysign(z if z <= _KNEE else _KNEE + math.log1p(z - _KNEE), d)
    return math.copysign(_CONSTANT_STEP + math.log1p(size), d) if size > 0 else 0.0


@njit(cache=True, nogil=True)
def _moments(windows: Floats) -> tuple[Floats, Floats]:
    size, steps, channels = windows.shape
    mean = np.zeros((size, channels), np.float32)
    deviation = np.zeros((size, channels), np.float32)
    for b in range(size):
        for f in range(channels):
            count, total, squares = 0, 0.0, 0.0
            for t in range(steps):
                if not math.isnan(windows[b, t, f]):
                    count += 1
                    total += windows[b, t, f]
            if count == 0:
                continue
            middle = total / count
            for t in range(steps):
                if not math.isnan(windows[b, t, f]):
                    squares += (windows[b, t, f] - middle) ** 2
            mean[b, f] = middle
            deviation[b, f] = math.sqrt(squares / count)
    return mean, deviation


@njit(cache=True, nogil=True)
def _filled(windows: Floats, fill: Floats) -> Floats:
    out = np.empty_like(windows)
    for b in range(windows.shape[0]):
        for f in range(windows.shape[2]):
            last = fill[f]
            for t in range(windows.shape[1]):
                if not math.isnan(windows[b, t, f]):
                    last = windows[b, t, f]
                out[b, t, f] = last
    return out
