"""Binary envelopes: a small header and columns of little-endian numbers, as cheap to read as Kafka allows."""

from dataclasses import replace
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from detector.types import Floats, Ints
from pipelines.io.base import Decoded, RawBatch
from pipelines.io.decoders.binary_alike import alike
from pipelines.io.decoders.binary_format import Block, read
from pipelines.io.decoders.columns import Faults
from pipelines.io.decoders.readings import NAMELESS
from pipelines.io.decoders.samples import (
    MOST_SAMPLES,
    Envelope,
    Unreadable,
    check_count,
    names,
    stacked,
    unpacked,
)

_KNOWN_TABLES = 1024


class BinaryConfig(BaseModel):
    """Binary envelopes, whose layout ``binary_format`` describes; the envelope, or else the key, names the series."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["binary"] = "binary"
    channels: dict[str, str] = Field(
        default_factory=dict, description="Column of a channel, where it is not called like the channel"
    )
    max_samples: int = Field(default=MOST_SAMPLES, ge=1, le=1_000_000, description="Most samples of one record")

    def open(self, channels: tuple[str, ...]) -> "BinaryDecoder":
        """Returns a decoder for these channels."""
        return BinaryDecoder(self, channels)


class BinaryDecoder:
    """Many readings per record, with a value for every channel that the envelope carries."""

    def __init__(self, config: BinaryConfig, channels: tuple[str, ...]) -> None:
        self._config = config
        self._column = {config.channels.get(name, name): at for at, name in enumerate(channels)}
        self._channels = len(channels)
        self._tables: dict[bytes, tuple[Ints, Ints]] = {}

    def decode(self, batch: RawBatch) -> Decoded:
        """Reads a whole poll; a record that is not exactly as its header says is a dead letter."""
        faults, stacks, single = Faults(len(batch)), [], []
        groups, others = alike(batch.records)
        for table, stack in groups:
            try:
                stacks.append(replace(stack, values=self._values(table, stack.values)))
            except Unreadable as fault:
                for row in stack.rows.tolist():
                    faults.reject(row, fault.reason, fault.detail)
        for row in others:
            try:
                single.append(self._envelope(row, read(batch.records[row])))
            except Unreadable as fault:
                faults.reject(row, fault.reason, fault.detail)
        stamps_ns = np.concatenate([np.empty(0, np.int64), *(np.asarray(one.stamps) for one in single)])
        stacks += stacked(single, stamps_ns)
        keys = [name or key or NAMELESS for name, key in zip(names(batch, stacks), batch.keys, strict=True)]
        return unpacked(batch, stacks, keys, faults, self._channels)

    def _envelope(self, row: int, block: Block) -> Envelope:
        values = self._values(block.table, block.columns)
        return Envelope(row, block.series, values, block.stamps_ns, block.step_ns)

    def _values(self, table: bytes, columns: Floats) -> Floats:
        """Returns our channels [..., F, N] of those that envelopes carry."""
        check_count(columns.shape[-1], self._config.max_samples)
        theirs, ours = self._places(table)
        if len(ours) < self._channels:
            values = np.full((*columns.shape[:-2], self._channels, columns.shape[-1]), np.nan)
            values[..., ours, :] = columns[..., theirs, :]
            return values
        if len(theirs) == columns.shape[-2] and (np.diff(theirs) == 1).all():
            return columns  # as they stand
        return columns[..., theirs, :]

    def _places(self, table: bytes) -> tuple[Ints, Ints]:
        """Returns which columns of an envelope are which of ours; [K] places there, ascending [K] places here."""
        if (known := self._tables.get(table)) is not None:
            return known
        try:
            names = table.decode().split("\0")
        except UnicodeDecodeError as error:
            raise Unreadable("bad_envelope", "The channel names are no UTF-8.") from error
        if len(set(names)) < len(names):
            raise Unreadable("bad_envelope", "The envelope names a channel twice.")
        pairs = sorted((self._column[name], at) for at, name in enumerate(names) if name in self._column)
        if not pairs:
            raise Unreadable("no_value", "The record carries none of the detector's channels.")
        if len(self._tables) >= _KNOWN_TABLES:
            self._tables.clear()
        ours, theirs = np.array(pairs).T
        self._tables[table] = theirs, ours
        return theirs, ours
