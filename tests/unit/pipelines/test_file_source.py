from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from detector.errors import DataError, SourceLost
from pipelines.io.base import Checkpoint, Position
from pipelines.io.sources.file import FileConfig, FileSource


class ManualClock:
    def __init__(self) -> None:
        self.time_s = 100.0
        self.slept: list[float] = []

    def now_s(self) -> float:
        return self.time_s

    def monotonic_s(self) -> float:
        return self.time_s

    def sleep(self, seconds: float) -> None:
        self.slept.append(max(0.0, seconds))
        self.time_s += max(0.0, seconds)


class Opener:
    """Opens sources and closes them after the test."""

    def __init__(self, stack: ExitStack) -> None:
        self.clock = ManualClock()
        self._stack = stack

    def __call__(self, *paths: Path, **options: object) -> FileSource:
        source = FileConfig(paths=tuple(map(str, paths)), **options).open(self.clock)
        self._stack.callback(source.close)
        return source


@pytest.fixture
def opened() -> Iterator[Opener]:
    with ExitStack() as stack:
        yield Opener(stack)


def _all(source: FileSource) -> list[tuple[str | None, int, bytes]]:
    found = []
    while (batch := source.poll(1.0)) is not None:
        found += list(zip(batch.keys, batch.offset.tolist(), batch.records, strict=True))
    return found


def test_the_first_line_of_csv_is_the_header_and_no_record(tmp_path: Path, opened: Opener) -> None:
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbftimestamp, flow\r\n1,2\r\n\r\n3,4")
    source = opened(tmp_path / "a.csv")
    batch = source.poll(0.0)
    assert batch is not None
    assert batch.header == ("timestamp", "flow")
    assert batch.records == [b"1,2", b"3,4"]
    assert batch.offset.tolist() == [0, 2]


def test_a_pattern_gives_one_partition_and_series_per_file_and_they_take_turns(tmp_path: Path, opened: Opener) -> None:
    for name in ("b", "a"):
        (tmp_path / f"{name}.csv").write_text("timestamp,x\n0,1\n1,2\n2,3\n")
    found = _all(opened(tmp_path / "*.csv", chunk_rows=3))
    assert [key for key, _, _ in found] == ["a", "a", "b", "b", "a", "b"]


def test_pace_merges_files_by_event_time_and_waits(tmp_path: Path, opened: Opener) -> None:
    (tmp_path / "a.csv").write_text("timestamp,x\n0,1\n20,2\n")
    (tmp_path / "b.csv").write_text("timestamp,x\n10,1\n30,2\n")
    source = opened(tmp_path / "*.csv", speed=10.0)
    order = []
    while (batch := source.poll(5.0)) is not None:
        order += [(key, opened.clock.time_s) for key in batch.keys]
    assert order == [("a", 100.0), ("b", 101.0), ("a", 102.0), ("b", 103.0)]


def test_pace_hands_back_control_while_nothing_is_due(tmp_path: Path, opened: Opener) -> None:
    (tmp_path / "a.jsonl").write_text('{"timestamp": 0}\n{"timestamp": 1000}\n')
    source = opened(tmp_path / "a.jsonl", speed=1.0)
    assert len(source.poll(0.5) or ()) == 1
    assert len(source.poll(0.5) or ()) == 0
    assert opened.clock.time_s == 100.5


def test_a_record_without_time_comes_with_its_predecessor(tmp_path: Path, opened: Opener) -> None:
    (tmp_path / "a.jsonl").write_text('{}\n{"timestamp": 5}\nbroken\n{"timestamp": 6}\n')
    assert [record for _, _, record in _all(opened(tmp_path / "a.jsonl", speed=1e9))][2] == b"broken"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(b"", "is empty"), (b"timestamp,a,a\n1,2,3\n", "repeats the column 'a'"), (b"\n1,2\n", "is empty")],
)
def test_an_unusable_file_is_refused(content: bytes, complaint: str, tmp_path: Path, opened: Opener) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(DataError, match=complaint):
        opened(tmp_path / "a.csv").poll(0.0)


def test_a_missing_file_and_an_empty_pattern_are_refused(tmp_path: Path, opened: Opener) -> None:
    with pytest.raises(DataError, match=r"cannot read .*a.csv: No such file"):
        opened(tmp_path / "a.csv")
    with pytest.raises(DataError, match="no file matches"):
        opened(tmp_path / "*.csv")


def test_a_damaged_archive_is_a_lost_source(tmp_path: Path, opened: Opener) -> None:
    (tmp_path / "a.csv.gz").write_bytes(b"\x1f\x8b\x08broken")
    with pytest.raises(SourceLost, match="damaged"):
        opened(tmp_path / "a.csv.gz").poll(0.0)


def test_a_checkpoint_beyond_the_end_says_that_the_file_changed(tmp_path: Path, opened: Opener) -> None:
    (tmp_path / "a.csv").write_text("timestamp,x\n0,1\n")
    options = {"checkpoint": tmp_path / "checkpoint"}
    opened(tmp_path / "a.csv", **options).commit(Checkpoint({0: Position(9, 5)}))
    with pytest.raises(DataError, match="another file now"):
        opened(tmp_path / "a.csv", **options)


def test_a_damaged_checkpoint_is_refused(tmp_path: Path, opened: Opener) -> None:
    (tmp_path / "a.csv").write_text("timestamp,x\n0,1\n")
    (tmp_path / "checkpoint").write_text("{")
    with pytest.raises(DataError, match="no checkpoint"):
        opened(tmp_path / "a.csv", checkpoint=tmp_path / "checkpoint")
