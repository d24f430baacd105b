"""Replay of files: CSV or JSON lines, compressed or not, one partition per file."""

import gzip
from collections.abc import Sequence
from contextlib import ExitStack, closing
from glob import glob
from itertools import islice
from pathlib import Path
from typing import IO, Literal, cast

from pydantic import BaseModel, ConfigDict, Field

from detector.errors import DataError, SourceLost
from pipelines.clock import Clock
from pipelines.io.base import Checkpoint, Place, RawBatch
from pipelines.io.decoders.times import TimeField
from pipelines.io.sources import checkpoint as checkpoints
from pipelines.io.sources.lines import Format, LineParser
from pipelines.io.sources.order import Order, Paced, RoundRobin, Take

SUFFIXES = (".gz", ".csv", ".jsonl", ".ndjson", ".json", ".txt", ".log")


class FileConfig(BaseModel):
    """Files to replay."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["file"] = "file"
    paths: tuple[str, ...] = Field(min_length=1, description="Files or patterns (data/*.csv.gz)")
    format: Format = Field(default="auto", description="csv (with a header) or jsonl; auto looks at the first line")
    speed: float | None = Field(
        default=None, gt=0, description="Event seconds per second of wall time; null replays as fast as it goes"
    )
    timestamp: TimeField = Field(default=TimeField(), description="Where the event time stands; used only with speed")
    chunk_rows: int = Field(default=4096, ge=1, description="Most records per poll")
    checkpoint: Path | None = Field(
        default=None, description="File that remembers how far the replay came; null begins anew at every start"
    )

    def open(self, clock: Clock) -> "FileSource":
        """Opens the files.

        Raises:
            DataError: a pattern matches nothing, or a file cannot be opened.
        """
        return FileSource(self, clock)


class FileSource:
    """Reads files from the committed rewind offsets to their ends."""

    def __init__(self, config: FileConfig, clock: Clock) -> None:
        self._config = config
        self._names = _matched(config.paths)
        self._committed = checkpoints.load(config.checkpoint, self._names) if config.checkpoint else Checkpoint()
        takes = self._open()
        pace = (config.speed, config.timestamp, clock) if config.speed else None
        self._order: Order = Paced(takes, config.chunk_rows, *pace) if pace else RoundRobin(takes, config.chunk_rows)

    def poll(self, timeout_s: float) -> RawBatch | None:
        """Returns the next records; at full speed the files take turns, paced replay merges them by event time."""
        return self._order.poll(timeout_s)

    def committed(self) -> Checkpoint:
        """Returns what the checkpoint file holds."""
        return self._committed

    def commit(self, checkpoint: Checkpoint) -> None:
        """Writes the checkpoint file, if there is one, whole or not at all."""
        self._committed = checkpoint
        if self._config.checkpoint:
            checkpoints.save(self._config.checkpoint, self._names, checkpoint)

    def rewind(self) -> None:
        """Opens the files anew at the committed rewind offsets."""
        self._opened.close()
        self._order = self._order.anew(self._open())

    def place(self, partition: int) -> Place:
        """Returns the file of a number."""
        return Place(self._names[partition], 0)

    def close(self) -> None:
        """Closes the files."""
        self._opened.close()

    def _open(self) -> list[Take]:
        with ExitStack() as stack:
            readers = [
                stack.enter_context(closing(FileReader(name, at, self._config.format)))
                for at, name in enumerate(self._names)
            ]
            for partition, position in self._committed.positions.items():
                readers[partition].skip(position.rewind_offset)
            self._opened = stack.pop_all()
        return [reader.take for reader in readers]


class FileReader:
    """Reads one file forwards."""

    def __init__(self, name: str, partition: int, format: Format) -> None:
        path = Path(name)
        try:
            file = gzip.open(path) if path.suffix == ".gz" else path.open("rb")  # noqa: SIM115 - closed by close()
        except OSError as error:
            raise DataError(f"cannot read {name}: {error.strerror}; check source.paths.") from error
        self._file = cast(IO[bytes], file)
        self._parser = LineParser(name, series_of(path), partition, format)

    def take(self, rows: int) -> RawBatch | None:
        """Returns the next lines, at most ``rows``, None at the end of the file."""
        try:
            lines = list(islice(self._file, rows))
        except (OSError, EOFError) as error:
            raise SourceLost(f"cannot read on in {self._parser.name}: {error}; is the file damaged?") from error
        if not lines and not self._parser.begun:
            raise DataError(f"{self._parser.name} is empty: expected a header and rows, or JSON lines.")
        return self._parser.parse(lines) if lines else None

    def skip(self, offset: int) -> None:
        """Passes over all records before ``offset``.

        Raises:
            DataError: the file is shorter.
        """
        while (missing := offset - self._parser.next_offset) > 0:
            if self.take(min(missing, 65_536)) is None:
                raise DataError(
                    f"{self._parser.name} ends at record {self._parser.next_offset} but the checkpoint says {offset}: "
                    "it is another file now; remove the checkpoint to begin anew."
                )

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def _matched(patterns: Sequence[str]) -> list[str]:
    names: dict[str, None] = {}
    for pattern in patterns:
        found = sorted(glob(pattern)) if any(c in pattern for c in "*?[") else [pattern]
        if not found:
            raise DataError(f"no file matches {pattern}; check source.paths.")
        names |= dict.fromkeys(found)
    return list(names)


def series_of(path: Path) -> str:
    """Names the series of a file: its name without folders and endings."""
    while path.suffix in SUFFIXES:
        path = path.with_suffix("")
    return path.name
