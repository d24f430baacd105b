"""Long records: one record carries one value and the name of its channel."""

from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from pipelines.io.base import Decoded, RawBatch
from pipelines.io.decoders.columns import Fields
from pipelines.io.decoders.readings import entities, read, readings
from pipelines.io.decoders.times import TimeField


class LongConfig(BaseModel):
    """Where long records keep their fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["long"] = "long"
    timestamp: TimeField | None = Field(
        default=TimeField(), description="Where the event time stands; null takes the record's own timestamp"
    )
    entity: str | None = Field(
        default=None, description="Field that names the series; null takes the record's key (for a file its name)"
    )
    channel: str = Field(default="channel", description="Field that names the channel")
    value: str = Field(default="value", description="Field that holds the value")

    def open(self, channels: tuple[str, ...]) -> "LongDecoder":
        """Returns a decoder for these channels."""
        return LongDecoder(self, channels)


class LongDecoder:
    """One reading per record, with a value for one channel; the aligner joins those of one time."""

    def __init__(self, config: LongConfig, channels: tuple[str, ...]) -> None:
        self._config = config
        self._column = {name: at for at, name in enumerate(channels)}
        texts = (config.channel, config.entity) if config.entity else (config.channel,)
        self._fields = Fields(config.timestamp, (config.value,), texts)

    def decode(self, batch: RawBatch) -> Decoded:
        """Reads a whole poll; records of channels that the detector does not know are dead letters too."""
        columns = read(batch, self._fields)
        column = np.array([self._column.get(name or "", -1) for name in columns.texts[0]], np.int64)
        detail = f"Field {self._config.channel!r} names no channel of the detector."
        columns.faults.mark(column < 0, "unknown_channel", detail)
        keys = entities(batch, columns.texts[1] if self._config.entity else None, columns.faults)
        values = np.full((len(batch), len(self._column)), np.nan)
        values[np.arange(len(batch)), column] = columns.numbers[:, 0]
        return readings(batch, columns, keys, values)
