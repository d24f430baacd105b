"""What wide and long decoders share: reading a poll in its wire format, naming the series, dropping the faults."""

from collections.abc import Sequence

import numpy as np

from detector.types import Floats, Ints, ReadingBatch
from pipelines.io.base import Decoded, RawBatch
from pipelines.io.decoders.columns import Columns, Faults, Fields
from pipelines.io.decoders.csv_columns import read_csv
from pipelines.io.decoders.json_columns import read_json

NAMELESS = "stream"
"""Series of records that have neither an entity nor a key."""


def read(batch: RawBatch, fields: Fields) -> Columns:
    """Reads ``fields`` from records that are JSON objects, or lines of CSV if the batch has a header."""
    return read_json(batch, fields) if batch.header is None else read_csv(batch, fields)


def entities(batch: RawBatch, names: Sequence[str | None] | None, faults: Faults) -> Sequence[str]:
    """Names the series [B] of every record: by its entity field if one is configured, else by its key.

    Args:
        batch: the records.
        names: [B] what the entity field holds, None if no field is configured.
        faults: where records without the configured field are marked.
    """
    if names is None:
        return [key or NAMELESS for key in batch.keys]
    faults.mark(np.array([not name for name in names], np.bool_), "no_entity", "The record does not name its series.")
    return [name or NAMELESS for name in names]


def numbered(keys: Sequence[str]) -> tuple[list[str], Ints]:
    """Returns keys, each once, and which of them each [B] is, [B] int32."""
    met = list(dict.fromkeys(keys))
    places = dict(zip(met, range(len(met)), strict=True))
    return met, np.fromiter(map(places.__getitem__, keys), np.int32, len(keys))


def readings(batch: RawBatch, columns: Columns, keys: Sequence[str], values: Floats) -> Decoded:
    """Makes readings of the usable records, and dead letters of the others.

    Args:
        batch: the records.
        columns: their time, and which of them are usable.
        keys: [B] series names.
        values: [B, F].
    """
    rows = np.flatnonzero(columns.faults.usable)
    if len(rows) < len(batch):
        keys = [keys[i] for i in rows.tolist()]
    met, series = numbered(keys)
    return Decoded(
        ReadingBatch(
            series=series,
            time_ns=columns.time_ns[rows],
            values=values[rows],
            partition=batch.partition[rows],
            offset=batch.offset[rows],
        ),
        met,
        columns.faults.letters(batch),
    )
