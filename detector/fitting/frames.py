"""DataFrames as the library sees them: channels, times in order, aligned rows."""

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
import pandas as pd

from detector.errors import DataError
from detector.types import Floats, Ints, ReadingBatch, SampleBatch, joined
from detector.windows.align import AlignConfig, Aligner
from detector.windows.categories import Categories, word_of
from detector.windows.schema import NS, Channel, Schema

TIME, LABEL = "timestamp", "is_anomaly"

_EPOCH_UNITS = ((1e17, 1), (1e14, 1_000), (1e11, 1_000_000))
_EPOCH_SECONDS = 1e8


def channels_of(frame: pd.DataFrame, text: Iterable[str] = ()) -> tuple[str, ...]:
    """Names of the numeric columns and those of ``text``, other than the time and the label."""
    wanted = {*frame.select_dtypes(include=["number", "bool"]).columns, *text} - {TIME, LABEL}
    return tuple(str(name) for name in frame.columns if name in wanted)


def schema_of(frames: Sequence[pd.DataFrame], text: Sequence[str] = (), independent: bool = False) -> Schema:
    """Reads channels and the typical step off the data.

    Args:
        frames: at least one series.
        text: columns that hold words; a word counts how rare it is, see ``Categories``.
        independent: rows have nothing to do with each other: a missing value is not that of the row before.

    Raises:
        DataError: there is no numeric channel.
        SchemaMismatch: the frames have different channels.
    """
    for name in text:
        if any(name not in frame for frame in frames):
            raise DataError(f"the data has no column {name!r}, which is to be read as text; name one that it has.")
    names = channels_of(frames[0], text)
    if not names:
        raise DataError("the data has no numeric channel beside the time; check the separator and the decimal sign.")
    steps = [np.diff(ordered_times(frame)[1]) for frame in frames]
    step = float(np.median(np.concatenate(steps))) if any(map(len, steps)) else NS
    schema = Schema(
        channels=tuple(_channel(name, frames, name in text, independent) for name in names),
        interval_s=max(step, 1) / NS,
        has_clock=_has_clock(frames[0]),
    )
    for number, frame in enumerate(frames[1:], 2):
        schema.check(channels_of(frame, text), f"series {number}")
    return schema


def _channel(name: str, frames: Sequence[pd.DataFrame], text: bool, independent: bool) -> Channel:
    gap: Literal["mask", "hold"] = "mask" if independent else "hold"
    if not text:
        return Channel(name=name, gap=gap)
    words = Categories.fit(word_of(value) for frame in frames for value in frame[name])
    return Channel(name=name, unit="bits", categories=words, gap=gap)


def align(schema: Schema, frame: pd.DataFrame, where: str) -> SampleBatch:
    """Aligns a frame of one series through the same aligner as a stream, one row per row.

    Args:
        schema: its channels are taken, in its order.
        frame: rows in any order.
        where: what the frame is, for messages.
    """
    order, time_ns = ordered_times(frame)
    values = values_of(schema, frame)[order]
    zeros = np.zeros(len(frame), np.int32)
    aligner = Aligner(schema, AlignConfig(), capacity=1)
    batch = ReadingBatch(zeros, time_ns, values, zeros, order.astype(np.int64))
    samples = joined([aligner.push(batch), aligner.flush()])
    if len(samples) != len(frame):
        raise DataError(f"{where} gave {len(samples)} rows out of {len(frame)}; check its times.")
    return samples


def values_of(schema: Schema, frame: pd.DataFrame) -> Floats:
    """Returns the channels of the schema in its order, [N, F] float64."""
    named = frame.set_axis([str(name) for name in frame.columns], axis=1)[list(schema.names)]
    if words := schema.categories:
        named = named.assign(**{name: known.numbers(named[name].tolist()) for name, known in words.items()})
    return named.to_numpy(np.float64, na_value=np.nan)


def ordered_times(frame: pd.DataFrame) -> tuple[Ints, Ints]:
    """Puts rows in order of time; rows that share a time are spread evenly up to the next one.

    Returns:
        order [N], the rows of the frame by time (stable), and their times [N] int64 nanoseconds, all different: where
        more rows share a time than there are nanoseconds to the next one, those after it move up.
    """
    time_ns = times(frame)
    order = np.argsort(time_ns, kind="stable")
    time_ns = time_ns[order]
    distinct, first, count = np.unique(time_ns, return_index=True, return_counts=True)
    if len(distinct) < len(time_ns):
        typical = int(np.median(np.diff(distinct))) if len(distinct) > 1 else NS
        room = np.repeat(np.append(np.diff(distinct), typical) // count, count)
        place = np.arange(len(time_ns)) - np.repeat(first, count)
        time_ns = time_ns + room * place
        row = np.arange(len(time_ns))
        time_ns = np.maximum.accumulate(time_ns - row) + row
    return order, time_ns


def times(frame: pd.DataFrame) -> Ints:
    """Returns the event time of every row, [N] int64 nanoseconds.

    Text is ISO-8601, UTC where it names no zone. Integers are epoch seconds, milli-, micro- or nanoseconds by their
    size; small ones are row numbers, a second each.

    Raises:
        DataError: there is no time column, or it holds neither times nor whole numbers, or none that can be.
    """
    if TIME in frame:
        column = frame[TIME]
    elif isinstance(frame.index, pd.DatetimeIndex | pd.RangeIndex):
        column = frame.index.to_series()
    else:
        raise DataError(f"the data has no column {TIME!r}; name the column that holds the time so.")
    if pd.api.types.is_string_dtype(column):
        column = pd.to_datetime(column, format="ISO8601", utc=True, errors="coerce")
    if column.isna().any():
        row = int(column.isna().to_numpy().argmax()) + 1
        raise DataError(f"row {row} has no {TIME} that can be read; fill it in or drop the row.")
    if pd.api.types.is_datetime64_any_dtype(column):
        try:
            return pd.DatetimeIndex(column).as_unit("ns").asi8.copy()
        except pd.errors.OutOfBoundsDatetime as error:
            raise DataError(f"a {TIME} lies outside the years 1678 to 2261; mend it or drop the row.") from error
    if not pd.api.types.is_integer_dtype(column):
        raise DataError(f"the column {TIME!r} holds {column.dtype}; give ISO-8601 times or whole numbers.")
    whole = column.to_numpy(np.int64)
    size = float(np.median(np.abs(whole))) if len(whole) else 0.0
    factor = next((factor for least, factor in _EPOCH_UNITS if size >= least), NS)
    if len(whole) and int(np.abs(whole).max()) > np.iinfo(np.int64).max // factor:
        raise DataError(
            f"the column {TIME!r} reaches to {int(np.abs(whole).max())}, which is no count of seconds, milli-, micro- "
            "or nanoseconds since 1970; give ISO-8601 times."
        )
    return whole * factor


def _has_clock(frame: pd.DataFrame) -> bool:
    column = frame.get(TIME, frame.index)
    return not pd.api.types.is_integer_dtype(column) or float(np.median(np.abs(column))) >= _EPOCH_SECONDS
