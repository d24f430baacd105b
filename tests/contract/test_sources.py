"""What every source promises; a new one joins by a line in SOURCES."""

import gzip
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from broker import TIME_MS, Ending, Topics, beginning

from pipelines.clock import SystemClock
from pipelines.io.base import NO_TIME, Checkpoint, Position, RawBatch, Source
from pipelines.io.sources.file import FileConfig
from pipelines.io.sources.memory import MemorySource
from pipelines.io.sources.stdin import PipeSource, StdinConfig

RECORDS = [b'{"timestamp": %d, "flow": %d.5}' % (i, i) for i in range(10)]


class Place(NamedTuple):
    """Where a source of the contract is made: a folder, and a real Kafka that starts when it is asked for."""

    folder: Path
    kafka: Callable[[], str]


Make = Callable[[Place, Checkpoint | None], Source]


@pytest.fixture
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Place:
    return Place(tmp_path, lambda: request.getfixturevalue("kafka"))


def jsonl(place: Place, committed: Checkpoint | None) -> Source:
    return _file(place.folder / "pump.jsonl", b"\n".join(RECORDS) + b"\n", committed)


def zipped(place: Place, committed: Checkpoint | None) -> Source:
    return _file(place.folder / "pump.jsonl.gz", gzip.compress(b"\n".join(RECORDS)), committed)


def paced(place: Place, committed: Checkpoint | None) -> Source:
    return _file(place.folder / "pump.jsonl", b"\n".join(RECORDS), committed, speed=1e6)


def memory(place: Place, committed: Checkpoint | None) -> Source:
    return MemorySource(RECORDS, ["pump"] * 10, chunk_rows=3, committed=committed)


def pipe(place: Place, committed: Checkpoint | None) -> Source:
    (place.folder / "fifo").write_bytes(b"\n".join(RECORDS))
    return PipeSource(os.open(place.folder / "fifo", os.O_RDONLY), StdinConfig(series="pump"))


def topic(place: Place, committed: Checkpoint | None) -> Source:
    return Ending(Topics(place.kafka(), RECORDS), len(RECORDS), committed)


SOURCES = [jsonl, zipped, paced, memory, pipe, topic]
REWINDABLE = [jsonl, zipped, paced, memory, topic]


def _file(path: Path, content: bytes, committed: Checkpoint | None, speed: float | None = None) -> Source:
    path.write_bytes(content)
    config = FileConfig(paths=(str(path),), chunk_rows=3, checkpoint=path.parent / "checkpoint", speed=speed)
    if committed:
        with closing(config.open(SystemClock())) as before:
            before.commit(committed)
    return config.open(SystemClock())


def _batches(source: Source) -> Iterator[RawBatch]:
    while (batch := source.poll(0.01)) is not None:
        yield batch


@pytest.mark.parametrize("make", SOURCES)
def test_every_record_comes_once_in_order_with_its_position(make: Make, place: Place) -> None:
    source = make(place, None)
    batches = list(_batches(source))
    assert [r for b in batches for r in b.records] == RECORDS
    assert np.concatenate([b.offset for b in batches]).tolist() == list(range(10))
    assert all(set(b.keys) <= {"pump"} for b in batches)
    time_ns = TIME_MS * 10**6 if make is topic else NO_TIME
    assert all((b.timestamp_ns == time_ns).all() for b in batches)
    assert all(len(b.records) == len(b.keys) == len(b.partition) == len(b) for b in batches)
    source.close()


@pytest.mark.parametrize("make", SOURCES)
def test_the_end_stays_the_end(make: Make, place: Place) -> None:
    source = make(place, None)
    list(_batches(source))
    assert source.poll(0.0) is None
    source.close()


@pytest.mark.parametrize("make", SOURCES)
def test_nothing_is_committed_at_first(make: Make, place: Place) -> None:
    source = make(place, None)
    assert source.committed() == Checkpoint()
    source.close()


@pytest.mark.parametrize("make", REWINDABLE)
def test_a_restart_reads_from_the_rewind_offset_and_keeps_the_state(make: Make, place: Place) -> None:
    checkpoint = Checkpoint({0: Position(next_offset=7, rewind_offset=4)}, {"alerts": {"open": [1]}})
    source = make(place, checkpoint)
    assert source.committed() == checkpoint
    batches = list(_batches(source))
    assert np.concatenate([b.offset for b in batches]).tolist() == list(range(4, 10))
    assert [r for b in batches for r in b.records] == RECORDS[4:]
    source.close()


@pytest.mark.parametrize("make", SOURCES)
def test_going_back_is_like_a_restart(make: Make, place: Place) -> None:
    source = make(place, None)
    read = 0
    while read < 6:
        batch = source.poll(0.01)
        assert batch is not None
        read += len(batch)
    source.commit(Checkpoint({0: Position(next_offset=read, rewind_offset=4)}))
    source.rewind()
    again = np.concatenate([batch.offset for batch in _batches(source)])
    assert again[-6:].tolist() == list(range(4, 10))
    assert make is pipe or len(again) == 6, "a pipe keeps whole polls, of which windows need the newest part"
    source.close()


def test_what_begins_can_be_read_from_further_on_than_the_rewind_offset(place: Place) -> None:
    topics = Topics(place.kafka(), RECORDS)
    source, seen = topics.open(), list[int]()
    beginning(source).skip(6)
    while len(seen) < 4:
        batch = source.poll(0.1)
        assert batch is not None
        seen += batch.offset.tolist()
    assert seen == [6, 7, 8, 9]
    source.close()


def test_a_lineage_lasts_as_long_as_the_reading(place: Place) -> None:
    topics = Topics(place.kafka(), RECORDS)
    topics.config = topics.config.model_copy(update={"instance": None})  # a group with members cannot be moved
    source = topics.open()
    first = beginning(source).lineage
    source.commit(Checkpoint({0: Position(4, 2)}))
    source.rewind()
    assert beginning(source).lineage == first
    source.close()
    again = topics.open()
    assert beginning(again).lineage == first, "after a restart"
    again.close()
    topics.reset(5)
    anew = topics.open()
    assert beginning(anew).lineage != first, "after somebody has moved the offsets of the group"
    anew.close()
