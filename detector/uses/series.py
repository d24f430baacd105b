"""One series as an autoencoder sees it: rows in order of time, cut into windows and put together again."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from detector.bundle import Bundle
from detector.errors import ConfigError, DataError
from detector.fitting.frames import TIME, channels_of, ordered_times, values_of
from detector.members.base import MOST, pad
from detector.members.reconstruction import Reconstruction
from detector.types import Floats, Ints
from detector.windows.scale import filled

Step = Callable[[float], None]
"""Told the share of the work that is done, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Series:
    """The rows of a frame in order of time.

    Attributes:
        order: [N] the place of every row in the frame.
        time_ns: [N] int64.
        values: [N, F] float64 in the channels' own units, NaN where nothing was observed.
        scaled: [N, F] float32, NaN as in ``values``.
        held: [N, F] float32, scaled, a missing value replaced by the one before it, as when a stream is scored.
    """

    order: Ints
    time_ns: Ints
    values: Floats
    scaled: Floats
    held: Floats


def autoencoder(bundle: Bundle, name: str | None = None) -> Reconstruction:
    """Returns the autoencoder called ``name`` of a bundle; without a name the first that sees levels, else the first.

    Raises:
        ConfigError: the bundle holds no autoencoder, or none of that name.
    """
    found = [member for member in bundle.detector.members if isinstance(member, Reconstruction)]
    if not found:
        kinds = ", ".join(member.name for member in bundle.detector.members)
        raise ConfigError(
            f"the bundle has no autoencoder, only {kinds}; train one with 'reconwatch train --variant NAME'."
        )
    if name is None:
        return next((member for member in found if not member.config.centre), found[0])
    for member in found:
        if member.name == name:
            return member
    raise ConfigError(f"the bundle has no autoencoder {name!r}; it has {', '.join(member.name for member in found)}.")


def read(bundle: Bundle, frame: pd.DataFrame, window: int) -> Series:
    """Puts a frame in order of time and on the bundle's scale.

    Args:
        bundle: its channels are taken.
        frame: as for ``detector.api.score``.
        window: rows that are needed at least.

    Raises:
        DataError: the frame is shorter than a window.
        SchemaMismatch: a channel is missing or unknown.
    """
    detector = bundle.detector
    detector.schema.check(channels_of(frame, detector.schema.categories), "the data")
    if len(frame) < window:
        raise DataError(f"the data has {len(frame)} rows, the autoencoder looks at {window} at a time; give more rows.")
    order, time_ns = ordered_times(frame)
    values = values_of(detector.schema, frame)[order]
    scaled = detector.scaler.transform(values)
    return Series(order, time_ns, values, scaled, filled(scaled[None], detector.scaler.fill)[0][0])


def stamps(frame: pd.DataFrame) -> Any:
    """Returns the times of all rows as they stand in the frame, in its column or its index."""
    return frame.get(TIME, frame.index).array


def windows(rows: Floats, length: int, every: int = 1) -> Iterator[tuple[Floats, int]]:
    """Yields windows [B, T, F], padded to whole blocks, and how many of them are real; every ``every``-th of them."""
    view = np.lib.stride_tricks.sliding_window_view(rows, length, axis=0).transpose(0, 2, 1)[::every]
    for begin in range(0, len(view), MOST):
        part = view[begin : begin + MOST]
        yield pad(part), len(part)


def rebuilt(member: Reconstruction, rows: Floats, step: Step = lambda _: None) -> Floats:
    """Rebuilds a series: every row is the mean over all windows that hold it.

    Args:
        member: its window has T rows.
        rows: [N, F] float32 scaled, without NaN, N >= T.
        step: told how far it is.

    Returns:
        [N, F] float64 scaled.
    """
    length, count = member.window, len(rows) - member.window + 1
    total, seen = np.zeros(rows.shape), np.zeros((len(rows), 1))
    begin = 0
    for part, real in windows(rows, length):
        found = member.expect(part, None)[:real]
        for at in range(length):
            total[begin + at : begin + at + real] += found[:, at]
            seen[begin + at : begin + at + real] += 1
        begin += real
        step(begin / count)
    return total / seen
