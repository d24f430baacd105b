"""Rows of files as records of a chosen layout: one per row, one per value, or many rows in one."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, Protocol

import numpy as np
import orjson

from detector.errors import DataError
from detector.windows.schema import NS
from pipelines.io.base import NO_TIME
from pipelines.io.decoders.binary_format import encode
from pipelines.io.decoders.envelope import EnvelopeConfig
from pipelines.io.decoders.long import LongConfig
from pipelines.io.decoders.table import DecoderConfig
from pipelines.io.decoders.times import TimeField, parse
from pipelines.io.frames import LABEL

Kind = Literal["wide", "long", "envelope", "binary"]
Row = Mapping[str, Any]
Record = tuple[str | None, bytes]
"""Key and value."""


class Packing(Protocol):
    """Makes records of rows."""

    def add(self, key: str | None, row: Row) -> Iterator[Record]:
        """Takes a row of the series ``key`` and gives the records that are complete with it."""

    def rest(self) -> Iterator[Record]:
        """Gives what is left at the end."""


def packing(kind: Kind, samples: int, time: TimeField, decoder: DecoderConfig) -> Packing:
    """Returns the packing of a kind; fields are named as ``decoder`` reads them, if it is of that kind.

    Args:
        kind: wide, long, envelope or binary.
        samples: rows of one envelope.
        time: the column of the event time.
        decoder: section of the configuration.
    """
    if kind == "wide":
        return Wide()
    if kind == "long":
        return Long(decoder if isinstance(decoder, LongConfig) else LongConfig(), time)
    if kind == "envelope":
        return Envelopes(samples, time, decoder if isinstance(decoder, EnvelopeConfig) else EnvelopeConfig())
    return Envelopes(samples, time, None)


class Wide:
    """One JSON object per row, as it stands."""

    def add(self, key: str | None, row: Row) -> Iterator[Record]:
        """As in ``Packing``."""
        yield key, orjson.dumps(row)

    def rest(self) -> Iterator[Record]:
        """Nothing is held back."""
        yield from ()


class Long:
    """One JSON object per value.

    Args:
        config: names the fields.
        time: the column of the event time.
    """

    def __init__(self, config: LongConfig, time: TimeField) -> None:
        self._config, self._time = config, time

    def add(self, key: str | None, row: Row) -> Iterator[Record]:
        """As in ``Packing``."""
        config, path = self._config, self._time.path
        same = {path: row[path]} if path in row else {}
        if config.entity:
            same[config.entity] = key
        for name, value in _numbers(row, path).items():
            yield key, orjson.dumps({**same, config.channel: name, config.value: value})

    def rest(self) -> Iterator[Record]:
        """Nothing is held back."""
        yield from ()


class Envelopes:
    """Many rows of a series in one record.

    Args:
        samples: rows of a record; the last ones of a series may be fewer.
        time: the column of the event time.
        config: names the fields of JSON, None for the binary format.
    """

    def __init__(self, samples: int, time: TimeField, config: EnvelopeConfig | None) -> None:
        self._samples, self._time, self._config = samples, time, config
        self._held: dict[str | None, list[Row]] = {}

    def add(self, key: str | None, row: Row) -> Iterator[Record]:
        """As in ``Packing``."""
        held = self._held.setdefault(key, [])
        held.append(row)
        if len(held) == self._samples:
            yield from self._packed(key, self._held.pop(key))

    def rest(self) -> Iterator[Record]:
        """Gives the rows held back, fewer to a record."""
        for key, rows in self._held.items():
            yield from self._packed(key, rows)
        self._held = {}

    def _packed(self, key: str | None, rows: list[Row]) -> Iterator[Record]:
        stamps = [row.get(self._time.path) for row in rows]
        times_ns, bad = parse(stamps, self._time.unit)
        if bad.any() or (times_ns == NO_TIME).any():
            raise DataError(f"column {self._time.path!r} of series {key} holds no time; say --time.")
        numbers = [_numbers(row, self._time.path) for row in rows]
        names = list(dict.fromkeys(name for row in numbers for name in row))
        if not names:
            return
        steps = np.diff(times_ns)
        step_ns = int(steps[0]) if len(steps) and steps[0] > 0 and (steps == steps[0]).all() else 0
        if self._config is None:
            values = np.array([[row.get(name, np.nan) for name in names] for row in numbers], np.float64)
            clock = {"start_ns": int(times_ns[0]), "step_ns": step_ns} if step_ns else {"times_ns": times_ns}
            yield key, encode(key or "", names, values, **clock)
            return
        document: dict[str, Any] = {self._config.entity: key} if self._config.entity else {}
        document[self._time.path] = stamps[0] if step_ns else stamps
        if step_ns:
            document[self._config.interval] = step_ns / NS
        document[self._config.values] = {name: [row.get(name) for row in numbers] for name in names}
        yield key, orjson.dumps(document)


def _numbers(row: Row, time: str) -> dict[str, float]:
    """Returns the channels of a row: what is a number and neither the time nor a label."""
    return {name: value for name, value in row.items() if type(value) in (int, float) and name not in (time, LABEL)}
