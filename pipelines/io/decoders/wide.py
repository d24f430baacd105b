"""Wide records: one record carries all channels of a series at one time (a CSV row, a JSON object)."""

from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from detector.types import Bools
from detector.windows.entities import SeriesIndex
from pipelines.io.base import Decoded, RawBatch
from pipelines.io.decoders.columns import Fields
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

    def open(self, channels: tuple[str, ...], series: SeriesIndex) -> "WideDecoder":
        """Returns a decoder for these channels that names series by ``series``."""
        return WideDecoder(self, channels, series)


class WideDecoder:
    """One reading per record, with a value for every channel it carries."""

    def __init__(self, config: WideConfig, channels: tuple[str, ...], series: SeriesIndex) -> None:
        self._config = config
        self._series = series
        paths = tuple(config.channels.get(name, name) for name in channels)
        self._fields = Fields(config.timestamp, paths, (config.entity,) if config.entity else ())

    def decode(self, batch: RawBatch) -> Decoded:
        """Reads a whole poll; records without any channel of the detector are dead letters too."""
        columns = read(batch, self._fields)
        carried = self._carried(batch, columns.numbers)
        columns.faults.mark(~carried, "no_value", "The record carries none of the detector's channels.")
        keys = entities(batch, columns.texts[0] if self._config.entity else None, columns.faults)
        return readings(batch, columns, keys, columns.numbers, self._series)

    def _carried(self, batch: RawBatch, values: np.ndarray) -> Bools:
        if batch.header is not None:  # a row of a file is a row, even where all its fields are empty
            return np.full(len(batch), any(path in batch.header for path in self._fields.numbers))
        return ~np.isnan(values).all(axis=1)
