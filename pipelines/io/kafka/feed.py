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


class Feed:
    """Writes records to a topic, idempotently.

    Args:
        connection: where to.
        topic: it must exist.
        options: settings of the producer besides.
        entity: field whose value becomes the key; the key of the record if None.
    """

    def __init__(
        self, connection: KafkaConnection, topic: str, options: Mapping[str, Any], entity: str | None = None
    ) -> None:
        self._topic, self._entity = topic, entity
        with errors("cannot reach Kafka"):
            defaults = {"enable_idempotence": True, "acks": "all", "linger_ms": 20, "compression_type": "lz4"}
            self._producer = KafkaProducer(**{**access(connection), **defaults, **options})

    def write(self, batch: RawBatch) -> None:
        """Sends the records; rows of delimited text become JSON objects, whose numbers are numbers.

        Raises:
            SourceLost: Kafka does not take them.
        """
        values = list(batch.records if batch.header is None else _objects(batch.header, batch.records))
        keys = batch.keys if self._entity is None else [_named(value, self._entity) for value in values]
        with errors(f"cannot write to topic {self._topic}"):
            for key, value in zip(keys, values, strict=True):
                self._producer.send(self._topic, value, key=None if key is None else key.encode())

    def flush(self) -> None:
        """Waits until Kafka has everything."""
        with errors(f"cannot write to topic {self._topic}"):
            self._producer.flush(timeout=60)

    def close(self) -> None:
        """Releases the producer."""
        with errors("cannot leave Kafka"):
            self._producer.close(timeout=10)


def _named(value: bytes, entity: str) -> str | None:
    try:
        found = lookup(orjson.loads(value), entity)
    except orjson.JSONDecodeError:
        return None
    return None if found is None else str(found)


def _objects(header: tuple[str, ...], lines: Iterable[bytes]) -> Iterable[bytes]:
    texts = (line.decode("utf-8", "replace") for line in lines)
    for cells in csv.reader(texts):
        yield orjson.dumps({name: _value(cell) for name, cell in zip(header, cells, strict=False) if cell != ""})


def _value(cell: str) -> float | int | str:
    try:
        number = float(cell)
    except ValueError:
        return cell
    if not np.isfinite(number):
        return cell
    return int(cell) if cell.lstrip("+-").isdigit() else number
