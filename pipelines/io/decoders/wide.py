"""Wide records: one record carries all channels of a series at one time (a CSV row, a JSON object)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from detector.types import Bools, Floats
from detector.windows.categories import Categories
from pipelines.io.base import Decoded, RawBatch
from pipelines.io.decoders.columns import Columns, Fields
from pipelines.io.decoders.readings import entities, read, readings
from pipelines.io.decoders.times import TimeField


class WideConfig(BaseModel):
    """Where wide records keep their fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["wide"] = "wide"
    timestamp: TimeField | None = Field(
        default=TimeField(), description="Where the event time stands; null takes the record's own timestamp"
    )
    entity: str | None = Field(
        default=None, description="Field that names the series; null takes the record's key (for a file its name)"
    )
    channels: dict[str, str] = Field(
        default_factory=dict, description="Field of a channel, where it is not called like the channel"
    )

    def open(self, channels: tuple[str, ...], words: Mapping[str, Categories] = MappingProxyType({})) -> "WideDecoder":
        """Returns a decoder for these channels; ``words`` are those of text."""
        return WideDecoder(self, channels, words)


class WideDecoder:
    """One reading per record, with a value for every channel it carries."""

    def __init__(self, config: WideConfig, channels: tuple[str, ...], words: Mapping[str, Categories]) -> None:
        self._config = config
        paths = {name: config.channels.get(name, name) for name in channels}
        self._text = [(channels.index(name), known) for name, known in words.items()]
        self._numeric = [at for at, name in enumerate(channels) if name not in words]
        texts = [config.entity] if config.entity else []
        self._named = len(texts)
        self._fields = Fields(
            config.timestamp,
            tuple(paths[channels[at]] for at in self._numeric),
            (*texts, *(paths[name] for name in words)),
        )

    def decode(self, batch: RawBatch) -> Decoded:
        """Reads a whole poll; records without any channel of the detector are dead letters too."""
        columns = read(batch, self._fields)
        values, carried = self._values(columns), self._carried(batch, columns)
        columns.faults.mark(~carried, "no_value", "The record carries none of the detector's channels.")
        keys = entities(batch, columns.texts[0] if self._config.entity else None, columns.faults)
        return readings(batch, columns, keys, values)

    def _values(self, columns: Columns) -> Floats:
        """Puts numbers and the bits of words [B, F] into the order of the channels."""
        if not self._text:
            return columns.numbers
        values = np.empty((len(columns.numbers), len(self._numeric) + len(self._text)))
        values[:, self._numeric] = columns.numbers
        for (at, known), words in zip(self._text, columns.texts[self._named :], strict=True):
            values[:, at] = known.numbers(words)
        return values

    def _carried(self, batch: RawBatch, columns: Columns) -> Bools:
        if batch.header is not None:  # a row of a file is a row, even where all its fields are empty
            paths = (*self._fields.numbers, *self._fields.texts[self._named :])
            return np.full(len(batch), any(path in batch.header for path in paths))
        words = [[word is not None for word in column] for column in columns.texts[self._named :]]
        numbers = ~np.isnan(columns.numbers)
        carried: Bools = np.concatenate([numbers, np.array(words, np.bool_).reshape(len(words), len(batch)).T], axis=1)
        return np.asarray(carried.any(axis=1))
