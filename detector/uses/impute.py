"""Gaps filled by what an autoencoder expects there."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from detector.bundle import Bundle
from detector.errors import ConfigError
from detector.fitting.frames import TIME
from detector.members.reconstruction import Reconstruction
from detector.types import Bools, Floats, Ints
from detector.uses.series import Step, autoencoder, read, rebuilt, stamps

ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Imputed:
    """A series without gaps.

    Attributes:
        values: ``timestamp`` and the channels in their own units, in order of time.
        filled: of the same rows and channels, True where the value was missing.
        rows: [N] the place of every row in the frame that was given, -1 where there was none.
    """

    values: pd.DataFrame
    filled: pd.DataFrame
    rows: Ints


def impute(
    bundle: Bundle,
    frame: pd.DataFrame,
    most_rows: int | None = None,
    member: str | None = None,
    progress: Step = lambda _: None,
) -> Imputed:
    """Fills missing values, and rows that are missing as a whole; what was observed stays as it is, bit for bit.

    A gap is first bridged by a straight line. Then, three times, the whole series is rebuilt and the gap takes what
    came out, moved by the line between the errors at its two edges, so that it meets its neighbours. Paper: Rezende,
    Mohamed & Wierstra 2014, appendix F, with means in place of samples. The same is done to gaps made on purpose, and
    a channel where another way does better there (moved half as much, not moved, the line alone) is filled that way.

    Args:
        bundle: with an autoencoder.
        frame: one series, as for ``score``.
        most_rows: a stretch of more missing rows than this is left out; the length of the window by default, 0 adds
            no row at all.
        member: name of the autoencoder, the first by default.
        progress: told how far it is.

    Raises:
        ConfigError: there is no such autoencoder, or ``most_rows`` is negative.
        DataError: the frame is shorter than a window.
        SchemaMismatch: a channel is missing or unknown.
    """
    detector = bundle.detector
    coder = autoencoder(bundle, member)
    most_rows = coder.window if most_rows is None else most_rows
    if most_rows < 0:
        raise ConfigError(f"most_rows is {most_rows}; a gap cannot have fewer rows than none.")
    series = read(bundle, frame, coder.window)
    time_ns, place = _grid(series.time_ns, detector.schema.interval_ns, most_rows)
    values = np.full((len(time_ns), detector.channels), np.nan)
    values[place] = series.values
    scaled = np.full(values.shape, np.nan, np.float32)
    scaled[place] = series.scaled
    observed = ~np.isnan(values)
    if not observed.all():
        found = detector.scaler.inverse(_fill(scaled, observed, detector.scaler.fill, coder, progress))
        values = np.where(observed, values, found)
    names = list(detector.schema.names)
    shown = pd.DataFrame(values, columns=names)
    rows = np.full(len(time_ns), -1, np.int64)
    rows[place] = series.order
    shown.insert(0, TIME, _stamps(frame, time_ns, rows))
    return Imputed(shown, pd.DataFrame(~observed, columns=names), rows)


def _fill(scaled: Floats, observed: Bools, fill: Floats, coder: Reconstruction, progress: Step) -> Floats:
    """Takes, channel by channel, whichever way does best on gaps like these made on purpose."""
    hidden = observed & _moved(~observed)
    rehearsed = _ways(scaled, observed & ~hidden, fill, coder, lambda share: progress(share / 2))
    counted = np.maximum(hidden.sum(axis=0), 1)
    error = [np.where(hidden, np.square(way - scaled), 0).sum(axis=0) / counted for way in rehearsed]
    best = np.argmin(error, axis=0)
    ways = _ways(scaled, observed, fill, coder, lambda share: progress((1 + share) / 2))
    found: Floats = np.take_along_axis(np.stack(ways), best[None, None], axis=0)[0]
    return found


def _ways(scaled: Floats, observed: Bools, fill: Floats, coder: Reconstruction, progress: Step) -> list[Floats]:
    """Returns the series [N, F] with gaps filled in four ways: moved to the edges, half so, as rebuilt, by a line."""
    line = bridged(scaled, observed, fill)
    rows, expected, moved = line, line, line
    for turn in range(ROUNDS):
        progress(turn / ROUNDS)
        expected = rebuilt(coder, rows.astype(np.float32))
        # The error is known where something was observed; between, it is taken to go straight.
        moved = expected + bridged(scaled - expected, observed, np.zeros(len(fill)))
        rows = np.where(observed, scaled, moved)
    return [moved, (moved + expected) / 2, expected, line]


def _moved(gaps: Bools) -> Bools:
    """Returns gaps of the same lengths elsewhere: every channel's pattern, one and two thirds of a series later."""
    third = len(gaps) // 3
    return np.roll(gaps, third, axis=0) | np.roll(gaps, 2 * third, axis=0)


def bridged(values: Floats, observed: Bools, fill: Floats) -> Floats:
    """Draws straight lines over gaps, level ones at the ends; a channel never observed becomes ``fill``.

    Args:
        values: [N, F].
        observed: [N, F], False in gaps.
        fill: [F].
    """
    rows, found = np.arange(len(values)), np.array(values)
    for channel in np.flatnonzero(~observed.all(axis=0)):
        seen = np.flatnonzero(observed[:, channel])
        if len(seen):
            found[:, channel] = np.interp(rows, seen, values[seen, channel])
        else:
            found[:, channel] = fill[channel]
    return found


def _grid(time_ns: Ints, interval_ns: int, most_rows: int) -> tuple[Ints, Ints]:
    """Puts rows between rows that are more than one step apart.

    Returns:
        Times [M] with those of the new rows, and the place [N] among them of every row there was.
    """
    lacking = np.maximum(np.rint(np.diff(time_ns) / interval_ns).astype(np.int64) - 1, 0)
    lacking[lacking > most_rows] = 0
    place = np.concatenate([[0], np.cumsum(lacking + 1)])
    since = np.interp(np.arange(place[-1] + 1), place, (time_ns - time_ns[0]).astype(np.float64))
    full = time_ns[0] + np.rint(since).astype(np.int64)
    full[place] = time_ns  # a float does not hold every nanosecond
    return full, place


def _stamps(frame: pd.DataFrame, time_ns: Ints, rows: Ints) -> Any:
    """Returns the time of every row: as it stands in the frame, that of a new row in the same manner."""
    given, old = stamps(frame), rows >= 0
    if pd.api.types.is_integer_dtype(given.dtype):
        whole = np.asarray(given, np.int64)
        known = int(np.abs(whole[rows[old]]).argmax())
        made = time_ns // max(1, round(int(time_ns[old][known]) / (int(whole[rows[old]][known]) or 1)))
        made[old] = whole[rows[old]]
        return made
    clock = pd.Series(pd.DatetimeIndex(time_ns, tz="UTC"))
    if pd.api.types.is_datetime64_any_dtype(given.dtype):
        return clock.astype(given.dtype) if given.dtype.tz else clock.dt.tz_localize(None).astype(given.dtype)
    made = clock.dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ").to_numpy(object)
    made[old] = given[rows[old]]
    return made
