"""Records taken out of a batch in one go are those that the client takes out one by one, whatever the batch is."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kafka import TopicPartition
from kafka.consumer.fetcher import Fetcher
from kafka.record.memory_records import MemoryRecords, MemoryRecordsBuilder
from kafka.record.util import calc_crc32c

from pipelines.io.kafka.unpacking import Records, _Fetched

AT = TopicPartition("readings", 3)
NONE, GZIP, SNAPPY, LZ4, ZSTD = range(5)
Row = tuple[int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]


@st.composite
def rows(draw: st.DrawFn) -> list[Row]:
    found = list[Row]()
    for _ in range(draw(st.integers(1, 12))):
        key, value = draw(st.none() | st.binary(max_size=9)), draw(st.none() | st.binary(max_size=300))
        headers = draw(st.lists(st.tuples(st.text(max_size=4), st.none() | st.binary(max_size=200)), max_size=2))
        found.append((draw(st.integers(0, 1 << 45)), key, value, headers))
    return found


def written(parts: list[list[Row]], magic: int, compression: int) -> bytes:
    log, offset = b"", 1000
    for part in parts:
        builder = MemoryRecordsBuilder(magic=magic, compression_type=compression, batch_size=1 << 20, offset=offset)
        for timestamp_ms, key, value, headers in part:
            builder.append(timestamp=timestamp_ms, key=key, value=value, headers=headers if magic == 2 else [])
            offset += 1
        builder.close()
        log += bytes(builder.buffer())
    return log


def one_by_one(log: bytes, start: int) -> Iterator[tuple[Any, ...]]:
    """As the client has it; ends with what it says of damage."""
    part = Fetcher.PartitionRecords(start, AT, MemoryRecords(log))
    try:
        for record in iter(lambda: part.take(1), []):
            stamp = -1 if record[0].timestamp is None else record[0].timestamp
            yield record[0].offset, stamp, record[0].key, record[0].value or b""
    except Exception as error:  # noqa: BLE001 - whatever the client raises
        yield type(error), str(error), part.next_fetch_offset


def at_once(log: bytes, start: int, most: int) -> Iterator[tuple[Any, ...]]:
    part = _Fetched(start, AT, MemoryRecords(log))
    try:
        while part and (taken := part.take(most)):
            assert 0 < len(taken) <= most
            (records,) = iter(taken)
            assert isinstance(records, Records)
            assert part.next_fetch_offset > records.offset[-1] or not part
            yield from zip(
                records.offset.tolist(), records.timestamp_ms.tolist(), records.keys, records.values, strict=True
            )
    except Exception as error:  # noqa: BLE001 - whatever the client raises
        yield type(error), str(error), part.next_fetch_offset


@settings(deadline=None, max_examples=200)
@given(
    st.lists(rows(), min_size=1, max_size=3),
    st.sampled_from([(2, c) for c in (NONE, GZIP, SNAPPY, LZ4, ZSTD)] + [(1, NONE), (1, GZIP), (0, NONE)]),
    st.integers(1000, 1012),
    st.integers(1, 9),
)
def test_the_same_records(parts: list[list[Row]], kind: tuple[int, int], start: int, most: int) -> None:
    log = written(parts, *kind)
    assert list(at_once(log, start, most)) == list(one_by_one(log, start))


@settings(deadline=None, max_examples=400)
@given(rows(), st.data())
def test_the_same_words_about_damage(part: list[Row], data: st.DataObject) -> None:
    """The checksum is made right again, so that the damage is found where records are taken out."""
    log = bytearray(written([part, part], 2, NONE))
    first = len(log) // 2
    for _ in range(data.draw(st.integers(1, 3))):
        log[data.draw(st.integers(57, first - 1))] = data.draw(st.integers(0, 255))
    resealed(log, first)
    resealed(log, len(log), first)
    theirs = list(one_by_one(bytes(log), 1000))
    ours = list(at_once(bytes(log), 1000, 1000))
    if theirs and isinstance(theirs[-1][0], type) and issubclass(theirs[-1][0], UnicodeDecodeError):
        return
    assert ours == theirs or "utf-8" in str(theirs[-1]), "headers are not looked into"


def resealed(log: bytearray, end: int, begin: int = 0) -> None:
    log[begin + 17 : begin + 21] = calc_crc32c(memoryview(log)[begin + 21 : end]).to_bytes(4, "big")


@pytest.mark.parametrize("count", [-1, 1 << 30])
def test_a_count_that_cannot_be_makes_nothing_large(count: int) -> None:
    log = bytearray(written([[(1, b"k", b"v", [])]], 2, NONE))
    log[57:61] = count.to_bytes(4, "big", signed=True)
    resealed(log, len(log))
    assert list(at_once(bytes(log), 1000, 10)) == list(one_by_one(bytes(log), 1000))


def test_the_rest_of_a_batch_waits() -> None:
    log = written([[(i, None, b"%d" % i, []) for i in range(10)]], 2, LZ4)
    part = _Fetched(1002, AT, MemoryRecords(log))
    (first,) = iter(part.take(5))
    assert (first.offset.tolist(), part.next_fetch_offset) == ([1002, 1003, 1004, 1005, 1006], 1007)
    (rest,) = iter(part.take(5))
    assert (rest.values, part.next_fetch_offset) == ([b"7", b"8", b"9"], 1010)
    assert part.take(5) == []
    assert not part
    np.testing.assert_array_equal(rest.timestamp_ms, [7, 8, 9])
