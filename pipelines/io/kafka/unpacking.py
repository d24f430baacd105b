"""Records taken out of a batch of the log all in one go.

The client makes objects of records one by one in Python, which costs more than anything else that is done with them.
Here it goes through batches as before (checksums, compression, what of transactions is visible), but what lies in a
batch is found by compiled code and comes as columns. Batches of old formats, and those whose structure is not sound,
are left to the client, which alone knows what is wrong.
"""

# mypy: disallow-untyped-defs=False
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from kafka import KafkaConsumer
from kafka.consumer.fetcher import Fetcher
from kafka.record.default_records import DefaultRecord
from numba import njit

from detector.types import Ints

_NEWEST = 2
"""Version of the format of batches."""


@dataclass(frozen=True, slots=True)
class Records:
    """Records of one partition.

    Attributes:
        values: [N] empty where there is none.
        keys: [N] None where there is none.
        offset: [N] int64.
        timestamp_ms: [N] int64, negative where there is none.
    """

    values: Sequence[bytes]
    keys: Sequence[bytes | None]
    offset: Ints
    timestamp_ms: Ints

    def __len__(self) -> int:
        return len(self.offset)

    def part(self, start: int, stop: int | None = None) -> "Records":
        """Returns the records from one place up to another."""
        cut = slice(start, stop)
        return Records(self.values[cut], self.keys[cut], self.offset[cut], self.timestamp_ms[cut])


def in_columns(consumer: KafkaConsumer) -> None:
    """Has a consumer return ``Records``, some per partition, in place of one object per record."""
    consumer._fetcher.PartitionRecords = _Fetched


class _Fetched(Fetcher.PartitionRecords):  # type: ignore[misc]
    """What one answer of Kafka holds of a partition."""

    def __init__(self, fetch_offset: int, tp: Any, records: Any, **options: Any) -> None:
        super().__init__(fetch_offset, tp, _Batches(records), **options)
        self._begun, self._rest = False, None

    def take(self, n: int | None = None) -> "_Counted | list[Any]":
        """Returns the next records of one batch, at most ``n``."""
        records, self._rest = self._rest, None
        if records is None:
            found = super().take(1)
            if not found:
                return []
            records = found[0].value
            if not self._begun:  # the batch may begin before what was asked for
                records = records.part(int(np.searchsorted(records.offset, self.fetch_offset)))
            self._begun = True
        most = sys.maxsize if n is None else n
        if len(records) > most:
            records, self._rest = records.part(0, most), records.part(most)
        self.next_fetch_offset = int(records.offset[-1]) + 1
        return _Counted([records])


class _Counted(list[Records]):
    """Records that count one by one, as the client counts."""

    def __len__(self) -> int:
        return len(self[0])


class _Batches:
    """Gives batches."""

    def __init__(self, records: Any) -> None:
        self._records = records

    def next_batch(self) -> "_Batch | None":
        """Returns the next batch, None at the end."""
        batch = self._records.next_batch()
        return None if batch is None else _Batch(batch)


class _Batch:
    """A batch that seems to hold few records, each of which stands for many."""

    def __init__(self, batch: Any) -> None:
        self._batch = batch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[DefaultRecord]:
        batch, one_by_one = self._batch, iter(self._batch)  # which decompresses
        records = _taken(batch) if batch.magic == _NEWEST else None
        if records is None:
            for one in one_by_one:
                size, kind = one.size_in_bytes, one.timestamp_type
                whole = _alone(one)
                yield DefaultRecord(size, one.offset, one.timestamp, kind, None, whole, [])
        elif len(records):
            yield DefaultRecord(0, int(records.offset[-1]), -1, batch.timestamp_type, None, records, [])


def _alone(record: Any) -> Records:
    stamp = -1 if record.timestamp is None else record.timestamp  # the oldest format has none
    offset, timestamp_ms = np.array([[record.offset], [stamp]], np.int64)
    return Records([record.value or b""], [record.key], offset, timestamp_ms)


def _taken(batch: Any) -> Records | None:
    """Returns the records of a decompressed batch, None if its structure is not sound."""
    data = bytes(batch._buffer)
    # A record takes seven bytes at least: a count beyond that must not make us allocate.
    if not 0 <= batch.records_count <= len(data) // 7:
        return None
    spans = np.empty((batch.records_count, 6), np.int64)
    if _find(np.frombuffer(data, np.uint8), batch._pos, spans) != len(data):
        return None
    timestamp, offset, key, key_end, value, value_end = spans.T
    if (np.diff(offset) <= 0).any():
        return None
    logged = batch.timestamp_type == batch.LOG_APPEND_TIME
    return Records(
        values=[data[begin:end] for begin, end in zip(value.tolist(), value_end.tolist(), strict=True)],
        keys=[
            None if end < begin else data[begin:end] for begin, end in zip(key.tolist(), key_end.tolist(), strict=True)
        ],
        offset=batch.base_offset + offset,
        timestamp_ms=np.full(len(spans), batch.max_timestamp) if logged else batch.first_timestamp + timestamp,
    )


@njit(cache=True, nogil=True)
def _find(data, at, spans):
    """Finds records.

    Args:
        data: what is in a batch, as bytes.
        at: the first byte.
        spans: [N, 6] to be filled: differences of time and offset, then begin and end of key and of value; the end lies
            before the beginning where there is none.

    Returns:
        The byte after the last record, -1 if they are not sound.
    """
    for i in range(len(spans)):
        length, at = _varint(data, at)
        end = at + length
        if at < 0 or length < 0 or end > len(data):
            return -1
        _, at = _varint(data, at)  # attributes
        spans[i, 0], at = _varint(data, at)
        spans[i, 1], at = _varint(data, at)
        for part in (2, 4):
            size, at = _varint(data, at)
            if at < 0 or size > end - at:
                return -1
            spans[i, part], spans[i, part + 1] = at, at + max(size, -1)
            at += max(size, 0)
        headers, at = _varint(data, at)
        if headers < 0:
            return -1
        for k in range(2 * headers):
            size, at = _varint(data, at)
            if at < 0 or size > end - at or (size < 0 and k % 2 == 0):  # a name there must be
                return -1
            at += max(size, 0)
        if at != end:
            return -1
    return at


@njit(cache=True, nogil=True)
def _varint(data, at):
    """Returns a number and the byte after it, which is -1 where there is none (or was none before)."""
    value = np.uint64(0)
    for k in range(10):
        if not 0 <= at < len(data):
            return 0, -1
        byte = np.uint64(data[at])
        at += 1
        value |= (byte & np.uint64(0x7F)) << np.uint64(7 * k)
        if byte < 0x80:
            return np.int64(value >> np.uint64(1)) ^ -np.int64(value & np.uint64(1)), at
    return 0, -1
