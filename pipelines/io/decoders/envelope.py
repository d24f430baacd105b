"""Envelopes in JSON: one record carries many samples of a series, channel by channel."""

from collections.abc import Sequence
from itertools import chain
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from detector.types import Floats, Ints
from detector.windows.schema import NS
from pipelines.io.base import NO_TIME, Decoded, RawBatch
from pipelines.io.decoders.columns import Faults
from pipelines.io.decoders.envelope_plain import Plain, PlainReader
from pipelines.io.decoders.json_columns import loaded, lookup
from pipelines.io.decoders.readings import entities
from pipelines.io.decoders.samples import (
    LAST_NS,
    MOST_SAMPLES,
    Envelope,
    Stack,
    Unreadable,
    check_count,
    names,
    stacked,
    unpacked,
)
from pipelines.io.decoders.times import TimeField, parse


class EnvelopeConfig(BaseModel):
    """Where JSON envelopes keep their fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["envelope"] = "envelope"
    timestamp: TimeField | None = Field(
        default=TimeField(),
        description="Field with an array of event times, or with the time of the first sample; null takes the "
        "record's own timestamp for that",
    )
    interval: str = Field(
        default="interval_s", description="Field with the seconds between samples, where only the first has a time"
    )
    values: str = Field(default="values", description="Field that holds an object of arrays, one per channel")
    entity: str | None = Field(
        default=None, description="Field that names the series; null takes the record's key (for a file its name)"
    )
    channels: dict[str, str] = Field(
        default_factory=dict, description="Array of a channel, where it is not called like the channel"
    )
    max_samples: int = Field(default=MOST_SAMPLES, ge=1, le=1_000_000, description="Most samples of one record")

    def open(self, channels: tuple[str, ...]) -> "EnvelopeDecoder":
        """Returns a decoder for these channels."""
        return EnvelopeDecoder(self, channels)


class EnvelopeDecoder:
    """Many readings per record, with a value for every channel that the envelope carries."""

    def __init__(self, config: EnvelopeConfig, channels: tuple[str, ...]) -> None:
        self._config = config
        self._paths = tuple(config.channels.get(name, name) for name in channels)
        time = config.timestamp.path if config.timestamp else None
        self._plain = PlainReader(time, config.interval, config.entity, config.values, self._paths)

    def decode(self, batch: RawBatch) -> Decoded:
        """Reads a whole poll; arrays of unequal length, or anything else amiss, make the record a dead letter."""
        faults, found, stacks = Faults(len(batch)), [], []
        plain, others = self._plain.read(batch.records)
        for one in plain:
            try:
                check_count(one.values.shape[2], self._config.max_samples)
                steps_ns = self._steps_ns(one)
            except Unreadable:
                others += one.rows.tolist()
                continue
            stamps_ns = self._stamps_ns(batch, one.rows, np.ones(len(one.rows), np.int64), one.times, faults)
            series = [_name(name) for name in one.series] if self._config.entity else one.series
            stacks.append(Stack(one.rows, series, one.values, stamps_ns[:, np.newaxis], steps_ns))
        for row in others:
            try:
                found.append(self._envelope(row, batch.records[row]))
            except Unreadable as fault:
                faults.reject(row, fault.reason, fault.detail)
        rows, counts = np.array([(one.row, len(one.stamps)) for one in found], np.int64).reshape(-1, 2).T
        stamps = [stamp for one in found for stamp in one.stamps]
        stacks += stacked(found, self._stamps_ns(batch, rows, counts, stamps, faults))
        keys = entities(batch, names(batch, stacks) if self._config.entity else None, faults)
        return unpacked(batch, stacks, keys, faults, len(self._paths))

    def _envelope(self, row: int, record: bytes) -> Envelope:
        document = loaded(record)
        if document is None:
            raise Unreadable("not_json", "The record is no JSON object.")
        values = self._values(lookup(document, self._config.values))
        stamps = lookup(document, self._config.timestamp.path) if self._config.timestamp else None
        series = _name(lookup(document, self._config.entity) if self._config.entity else None)
        samples = values.shape[1]
        if not isinstance(stamps, list):
            step_ns = self._step_ns(lookup(document, self._config.interval)) if samples > 1 else 0
            return Envelope(row, series, values, [stamps], step_ns)
        if len(stamps) != samples:
            raise Unreadable("ragged", f"The envelope has {len(stamps)} times for {samples} samples.")
        return Envelope(row, series, values, stamps, 0)

    def _values(self, arrays: Any) -> Floats:
        if not isinstance(arrays, dict):
            raise Unreadable("no_value", f"Field {self._config.values!r} holds no object of arrays.")
        columns = [column for column, path in enumerate(self._paths) if path in arrays]
        if not columns:
            raise Unreadable("no_value", "The record carries none of the detector's channels.")
        carried = [arrays[self._paths[column]] for column in columns]
        if set(map(type, carried)) != {list} or len(set(map(len, carried))) > 1:
            raise Unreadable("ragged", "The channels of the envelope are no arrays of one length.")
        samples = len(carried[0])
        check_count(samples, self._config.max_samples)
        try:  # None becomes NaN
            values = np.fromiter(chain.from_iterable(carried), np.float64, len(columns) * samples).reshape(-1, samples)
        except (TypeError, ValueError, OverflowError) as error:
            raise Unreadable("bad_value", "The envelope holds a value that is no number.") from error
        if len(columns) == len(self._paths):
            return values
        whole = np.full((len(self._paths), samples), np.nan)
        whole[columns] = values
        return whole

    def _steps_ns(self, plain: Plain) -> Ints:
        """Returns the time between samples of every envelope; most say the same."""
        if plain.values.shape[2] == 1:
            return np.zeros(len(plain.rows), np.int64)
        if all(step is plain.steps[0] for step in plain.steps):
            return np.full(len(plain.rows), self._step_ns(plain.steps[0]))
        told = list(zip(map(type, plain.steps), plain.steps, strict=True))  # 1 and true are equal
        known = {one: self._step_ns(one[1]) for one in set(told)}
        return np.array([known[one] for one in told], np.int64)

    def _step_ns(self, seconds: Any) -> int:
        if type(seconds) not in (int, float) or not 0 < seconds * NS < LAST_NS:
            raise Unreadable("bad_interval", f"Field {self._config.interval!r} holds no seconds between samples.")
        return round(seconds * NS)

    def _stamps_ns(self, batch: RawBatch, rows: Ints, counts: Ints, stamps: Sequence[Any], faults: Faults) -> Ints:
        """Returns all stamps of envelopes; one that stands alone and is absent is the record's own timestamp.

        Args:
            batch: the records.
            rows: [E] which of them the envelopes are.
            counts: [E] how many stamps each has.
            stamps: one after the other.
            faults: where those are marked that are no times.
        """
        time = self._config.timestamp or TimeField()
        stamps_ns, bad = parse(stamps, time.unit)
        row = np.repeat(rows, counts)
        wrong = np.zeros(len(batch), np.bool_)
        wrong[row[bad]] = True
        faults.mark(wrong, "bad_timestamp", f"Field {time.path!r} holds no time in the unit {time.unit}.")
        alone = np.repeat(counts == 1, counts)
        return np.where(alone & (stamps_ns == NO_TIME), batch.timestamp_ns[row], stamps_ns)


def _name(field: Any) -> str | None:
    return field if field is None or isinstance(field, str) else str(field)
