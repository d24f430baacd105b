"""A snapshot is used where it belongs and nowhere else, and no file or disk can do harm."""

import logging
import os
import stat
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save as save_tensors

from detector.bundle import load as load_bundle
from detector.errors import ConfigError, DataError
from pipelines.clock import SystemClock
from pipelines.io.base import Beginning, Checkpoint, Place, Position, RawBatch
from pipelines.io.sources.memory import MemorySource
from pipelines.serving import model
from pipelines.settings import Settings
from pipelines.stream.shards import Model, Shards
from pipelines.stream.snapshot import MAGIC, Origin, Snapshot, load, save
from pipelines.stream.snapshots import SnapshotConfig
from pipelines.telemetry import Served, Telemetry

ORIGIN = Origin(group="g", topic="../readings", partition=3, lineage="a", model="m", settings="s")
PLACE = Place("readings", 7)
RECORDS = [b'{"timestamp": %d, "flow": 1.5, "pressure": 0.5, "current": %d}' % (60 * i, i % 3) for i in range(90)]
KEPT = 60


class ManualClock(SystemClock):
    time_s = 0.0

    def monotonic_s(self) -> float:
        return self.time_s


class Process:
    """What a daemon has of snapshots, without a Kafka: it reads records of one partition.

    Args:
        folder: of the snapshots.
        model: serves.
        lineage: of the partition.
    """

    def __init__(self, folder: Path, model: Model, lineage: str = "a", group: str = "g") -> None:
        self.clock = ManualClock()
        self.telemetry = Telemetry("kafka", "plant", Served("1"))
        self.snapshots = SnapshotConfig(folder=folder, every_s=10).open(group, self.telemetry, self.clock)
        self.shards = Shards(model, Checkpoint(), self.snapshots)
        self.skipped: list[int] = []
        self._lineage = lineage

    def begin(self, position: Position, place: Place = PLACE) -> list[int]:
        """Begins the partition and returns where its source was told to go on."""
        beginning = Beginning(Checkpoint({0: position}), 0, self._lineage, self.skipped.append)
        self.shards.follow(_batch(0, 0, {0: beginning}), lambda partition: place)
        return self.skipped

    def read(self, first: int, last: int) -> int:
        """Reads records and returns how many rows were decided about."""
        ((shard, part),) = self.shards.split(_batch(first, last))
        aligned = shard.engine.align(part, shard.decoder.decode(part))
        return sum(len(output.decisions) for output in shard.engine.judge(aligned))

    def keep(self) -> None:
        """Lets a snapshot be written if it is time, and waits for the disk."""
        self.shards.keep()
        for thread in threading.enumerate():
            if thread.name == "snapshot":
                thread.join(10)

    def count(self, result: str) -> float:
        return self.telemetry.registry.get_sample_value("reconwatch_snapshots_total", {"result": result}) or 0.0


def _batch(first: int, last: int, begun: dict[int, Beginning] | None = None) -> RawBatch:
    log = MemorySource(RECORDS, ["pump"] * len(RECORDS)).poll(0)
    assert log
    part = log.part(first, last)
    return RawBatch(part.records, part.keys, part.partition, part.offset, part.timestamp_ns, begun=begun or {})


@pytest.fixture
def settings(bundle: Path) -> Settings:
    tree: dict[str, Any] = {"detector": {"bundle": str(bundle)}, "source": {"kind": "kafka", "topics": ["readings"]}}
    return Settings.model_validate({**tree, "scoring": {"delay": 4}})


@pytest.fixture
def serving(settings: Settings, bundle: Path) -> Model:
    return model(settings, load_bundle(bundle))


@pytest.fixture
def folder(tmp_path: Path, serving: Model) -> Path:
    """A folder with the snapshot of a process that was stopped after ``KEPT`` records."""
    first = Process(tmp_path / "snapshots", serving)
    assert first.begin(Position(0, 0)) == []
    first.read(0, KEPT)
    first.shards.finish()
    assert first.count("written") == 1
    return tmp_path / "snapshots"


def test_reading_goes_on_where_the_snapshot_ends(folder: Path, serving: Model) -> None:
    second = Process(folder, serving)
    assert second.begin(Position(70, 20)) == [KEPT]
    assert second.read(KEPT, 70) == 0
    assert second.read(70, 90) == 20
    assert second.shards.checkpoint().positions[0].next_offset == 90
    assert (second.count("used"), second.count("refused")) == (1, 0)


@pytest.mark.parametrize(
    ("position", "told"),
    [
        (Position(KEPT - 1, 20), "it ends at 60, and is wanted between 20 and 59"),
        (Position(80, KEPT + 1), "it ends at 60, and is wanted between 61 and 80"),
    ],
)
def test_it_must_lie_between_the_committed_positions(
    folder: Path, serving: Model, position: Position, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        second = Process(folder, serving)
        assert second.begin(position) == []
    assert told in caplog.text
    assert (second.count("used"), second.count("refused")) == (0, 1)
    assert second.read(position.rewind_offset, position.next_offset) == 0


@pytest.mark.parametrize("differs", ["lineage", "model", "settings", "align"])
def test_it_must_belong_to_the_same_reading_detector_and_settings(
    differs: str, folder: Path, settings: Settings, bundle: Path, caplog: pytest.LogCaptureFixture
) -> None:
    if differs == "align":
        settings = Settings.model_validate(settings.model_dump() | {"align": {"lateness_s": 60}})
    serving = model(settings, load_bundle(bundle))
    if differs == "model":
        serving = serving._replace(served=Served("another"))
    if differs == "settings":
        settings = Settings.model_validate(settings.model_dump() | {"decoder": {"kind": "wide", "entity": "id"}})
        serving = model(settings, load_bundle(bundle))
    with caplog.at_level(logging.INFO):
        second = Process(folder, serving, lineage="b" if differs == "lineage" else "a")
        assert second.begin(Position(70, 20)) == []
    told = {"lineage": "an earlier life", "model": "another detector"}.get(differs, "other settings")
    assert f"it belongs to {told}" in caplog.text
    assert second.count("refused") == 1


def test_other_groups_and_partitions_have_files_of_their_own(folder: Path, serving: Model) -> None:
    other = Process(folder, serving, group="h")
    assert other.begin(Position(70, 20)) == []
    assert other.begin(Position(70, 20), PLACE._replace(partition=8)) == []
    assert other.count("refused") == 0


def test_a_file_under_a_foreign_name_is_refused(folder: Path, serving: Model) -> None:
    (mine,) = folder.iterdir()
    theirs = mine.with_name(ORIGIN.model_copy(update={"group": "h", "topic": "readings", "partition": 7}).file_name)
    mine.rename(theirs)
    other = Process(folder, serving, group="h")
    assert other.begin(Position(70, 20)) == []
    assert other.count("refused") == 1


def damaged(content: bytes) -> dict[str, bytes]:
    """What may have become of a file; the last three have a right checksum."""
    middle = len(content) // 2

    def signed(body: bytes) -> bytes:
        return MAGIC + zlib.crc32(body).to_bytes(4, "little") + body

    return {
        "empty": b"",
        "one bit": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
        "half": content[:middle],
        "too long": content + b"\0",
        "no snapshot": b"PK\x03\x04" + os.urandom(1000),
        "no arrays": signed(b"\xff" * 64),
        "huge": signed((1 << 62).to_bytes(8, "little") + b"{}"),
        "no header": signed(save_tensors({"rows": np.zeros(3)})),
    }


@pytest.mark.parametrize("damage", list(damaged(b"xx")))
def test_a_damaged_file_is_ignored_and_replaced(damage: str, folder: Path, serving: Model) -> None:
    (path,) = folder.iterdir()
    path.write_bytes(damaged(path.read_bytes())[damage])
    second = Process(folder, serving)
    assert second.begin(Position(70, 20)) == []
    assert second.count("refused") == 1
    assert second.read(20, 90) == 20
    second.shards.finish()
    assert Process(folder, serving).begin(Position(90, 60)) == [90]


def test_arrays_that_do_not_fit_the_detector_are_ignored(folder: Path, serving: Model) -> None:
    (path,) = folder.iterdir()
    found = load(path)
    assert found
    save(folder, Snapshot(found.of, found.upto, {**found.state, "score/windows/filled": np.array([999], np.int32)}))
    second = Process(folder, serving)
    assert second.begin(Position(70, 20)) == []
    assert second.count("refused") == 1
    assert second.read(20, 90) == 20


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink("/dev/zero", path)])
def test_what_is_no_file_is_not_opened(make: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / ORIGIN.file_name
    make(path)
    with pytest.raises(DataError, match="cannot be read"):
        load(path)


def test_names_stay_in_the_folder_and_rights_are_the_owners(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        SnapshotConfig(folder=tmp_path / "a" / "b").open("g", Telemetry("kafka", "plant", Served("1")), SystemClock())
        (tmp_path / "a" / "b" / f".{ORIGIN.file_name}.new").write_bytes(b"left by a process that was killed")
        save(tmp_path / "a" / "b", Snapshot(ORIGIN, 5, {"x": np.zeros((0, 3)), "y": np.array([True])}))
    finally:
        os.umask(before)
    (path,) = (tmp_path / "a" / "b").iterdir()
    assert [stat.S_IMODE(at.stat().st_mode) for at in (path.parent, path)] == [0o700, 0o600]
    found = load(path)
    assert found
    assert (found.of, found.upto) == (ORIGIN, 5)
    assert found.state["x"].shape == (0, 3)
    assert found.state["y"].dtype == np.bool_


def test_a_partition_is_written_when_it_is_time_and_only_if_it_moved(folder: Path, serving: Model) -> None:
    process = Process(folder, serving)
    process.begin(Position(KEPT, 20))
    process.clock.time_s = 11
    process.keep()
    process.read(KEPT, 70)
    assert process.count("written") == 0, "nothing had moved"
    process.keep()
    process.read(70, 80)
    process.clock.time_s = 20
    process.keep()
    assert process.count("written") == 1, "9 s are not 10"
    process.clock.time_s = 21
    process.keep()
    assert process.count("written") == 2


def test_while_windows_are_read_again_nothing_is_written(tmp_path: Path, serving: Model) -> None:
    process = Process(tmp_path, serving)
    process.begin(Position(70, 20))
    process.read(20, 69)
    process.shards.finish()
    assert list(tmp_path.iterdir()) == []
    process.read(69, 70)
    process.shards.finish()
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_cannot_be_written_is_told_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigError, match=r"cannot write snapshots to .*file/x: Not a directory; correct"):
        SnapshotConfig(folder=tmp_path / "file" / "x").open(
            "g", Telemetry("kafka", "plant", Served("1")), SystemClock()
        )


def test_only_kafka_has_partitions_to_write_down(settings: Settings) -> None:
    with pytest.raises(ValueError, match="a memory source has none"):
        Settings.model_validate(
            settings.model_dump() | {"source": {"kind": "memory"}, "snapshots": {"folder": "snapshots"}}
        )
