"""Puts records into a topic as a device would: keyed by series, so that each stays in order in one partition."""

import csv
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import orjson
from kafka import KafkaProducer

from pipelines.io.base import RawBatch
from pipelines.io.decoders.json_columns import lookup
from pipelines.io.kafka.access import options as access
from pipelines.io.kafka.config import KafkaConnection
from pipelines.io.kafka.failures import errors
from pipelines.io.packing import Packing, Record, Row, Wide


class Feed:
    """Writes records to a topic, idempotently.

    Args:
        connection: where to.
        topic: it must exist.
        options: settings of the producer besides.
        packing: makes records of rows.
        entity: field whose value becomes the key; the key of the record if None.
    """

    def __init__(
        self,
        connection: KafkaConnection,
        topic: str,
        options: Mapping[str, Any],
        packing: Packing,
        entity: str | None = None,
    ) -> None:
        self._topic, self._packing, self._entity = topic, packing, entity
        self.sent = 0
        with errors("cannot reach Kafka"):
            defaults = {"enable_idempotence": True, "acks": "all", "linger_ms": 20, "compression_type": "lz4"}
            self._producer = KafkaProducer(**{**access(connection), **defaults, **options})

    def write(self, batch: RawBatch) -> None:
        """Sends rows of delimited text, whose numbers become numbers, or JSON objects; others as they stand.

        Raises:
            SourceLost: Kafka does not take them.
        """
        rows = map(_object, batch.records) if batch.header is None else _rows(batch.header, batch.records)
        untouched = batch.header is None and isinstance(self._packing, Wide)
        for key, record, row in zip(batch.keys, batch.records, rows, strict=True):
            found = key if self._entity is None or row is None else lookup(row, self._entity)
            name = None if found is None else str(found)
            self._send([(name, record)] if untouched or row is None else self._packing.add(name, row))

    def finish(self) -> None:
        """Sends what the packing held back."""
        self._send(self._packing.rest())

    def _send(self, records: Iterable[Record]) -> None:
        with errors(f"cannot write to topic {self._topic}"):
            for key, value in records:
                self._producer.send(self._topic, value, key=None if key is None else key.encode())
                self.sent += 1

    def flush(self) -> None:
        """Waits until Kafka has everything."""
        with errors(f"cannot write to topic {self._topic}"):
            self._producer.flush(timeout=60)

    def close(self) -> None:
        """Releases the producer."""
        with errors("cannot leave Kafka"):
            self._producer.close(timeout=10)


def _object(record: bytes) -> Row | None:
    try:
        found = orjson.loads(record)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def _rows(header: tuple[str, ...], lines: Iterable[bytes]) -> Iterable[Row]:
    for cells in csv.reader(line.decode("utf-8", "replace") for line in lines):
        yield {name: _value(cell) for name, cell in zip(header, cells, strict=False) if cell != ""}


def _value(cell: str) -> float | int | str:
    try:
        number = float(cell)
    except ValueError:
        return cell
    if not np.isfinite(number):
        return cell
    return int(cell) if cell.lstrip("+-").isdigit() else number
