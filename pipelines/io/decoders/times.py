"""Timestamps as the field writes them: seconds to nanoseconds, integers, floats, their texts, ISO-8601."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from detector.types import Bools, Ints
from pipelines.io.base import NO_TIME

Unit = Literal["auto", "s", "ms", "us", "ns", "iso"]
_FACTOR = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
_FIRST_MS, _FIRST_US, _FIRST_NS = 10**11, 10**14, 10**17  # the year 5138 in s, in ms and in us
_LAST = 9.2e18


class TimeField(BaseModel):
    """Where a record keeps its event time, and in which unit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str = Field(default="timestamp", min_length=1, description="Field or column that holds the event time")
    unit: Unit = Field(
        default="auto",
        description="Unit of a number; auto tells s, ms, us and ns apart by their size and reads text as ISO-8601",
    )


def parse(values: Sequence[Any] | np.ndarray, unit: Unit) -> tuple[Ints, Bools]:
    """Reads timestamps, whatever mixture of types they come in.

    Args:
        values: [B] numbers, texts, or None where there is none.
        unit: the unit of numbers, also of those written as text.

    Returns:
        [B] int64 nanoseconds since 1970 UTC, ``NO_TIME`` where there is none, and [B] bool, True where a value stands
        that is no timestamp.
    """
    if isinstance(values, np.ndarray) and values.dtype.kind == "i":
        return _from_integers(values.astype(np.int64), unit)
    if set(map(type, values)) == {int}:
        return _from_ints(list(values), unit)
    values = [_plain(v) if isinstance(v, str) else v for v in values]
    kinds = np.array([_KINDS.get(type(v), "?") for v in values], dtype="U1")
    time_ns = np.full(len(kinds), NO_TIME, np.int64)
    bad = kinds == "?"
    for kind, read in (("i", _from_ints), ("f", _from_floats), ("t", _from_iso)):
        here = np.flatnonzero(kinds == kind)
        if len(here):
            time_ns[here], bad[here] = read([values[i] for i in here], unit)
    return time_ns, bad


_KINDS: dict[type, str] = {int: "i", float: "f", str: "t", type(None): " "}


def _plain(text: str) -> int | float | str | None:
    text = text.strip()
    if text.isdigit():
        return int(text)
    if not text or text == "null":
        return None
    try:
        return float(text)
    except ValueError:
        return text


def _from_ints(values: list[int], unit: Unit) -> tuple[Ints, Bools]:
    try:
        return _from_integers(np.array(values, np.int64), unit)
    except OverflowError:
        fits = np.array([abs(v) < _LAST for v in values])
        time_ns, bad = _from_integers(np.array([v if f else 0 for v, f in zip(values, fits, strict=True)]), unit)
        return np.where(fits, time_ns, NO_TIME), bad | ~fits


def _from_integers(values: Ints, unit: Unit) -> tuple[Ints, Bools]:
    if unit == "iso":
        return np.full(len(values), NO_TIME, np.int64), np.ones(len(values), np.bool_)
    factor = _factors(np.abs(values), unit)
    bad = np.abs(values.astype(np.float64)) * factor >= _LAST
    return np.where(bad, NO_TIME, values * np.where(bad, 1, factor)), bad


def _from_floats(values: Sequence[float], unit: Unit) -> tuple[Ints, Bools]:
    numbers = np.asarray(values, np.float64)
    usable = np.isfinite(numbers) & (unit != "iso")
    numbers = np.where(usable, numbers, 0.0)
    factor = _factors(np.abs(numbers), unit)
    bad = ~usable | (np.abs(numbers) * factor >= _LAST)
    whole = np.floor(np.where(bad, 0.0, numbers))
    time_ns = whole.astype(np.int64) * factor + np.rint((numbers - whole) * factor * ~bad).astype(np.int64)
    empty = np.isnan(np.asarray(values, np.float64))  # NaN stands for an empty field
    return np.where(bad, NO_TIME, time_ns), bad & ~empty


def _from_iso(values: list[str], unit: Unit) -> tuple[Ints, Bools]:
    dated = [value if value[0] in "0123456789+-" else None for value in values]  # pandas knows "now" and "today"
    times = pd.to_datetime(pd.Series(dated, dtype="str"), utc=True, format="ISO8601", errors="coerce")
    bad = times.isna().to_numpy()
    return np.where(bad, NO_TIME, times.dt.as_unit("ns").astype("int64").to_numpy()), bad


def _factors(size: np.ndarray, unit: Unit) -> Ints:
    if unit in _FACTOR:
        return np.full(len(size), _FACTOR[unit], np.int64)
    steps = [size < _FIRST_MS, size < _FIRST_US, size < _FIRST_NS]
    return np.select(steps, [_FACTOR["s"], _FACTOR["ms"], _FACTOR["us"]], 1).astype(np.int64)
