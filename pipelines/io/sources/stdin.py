"""Standard input: CSV or JSON lines as they come; what was read is kept only as long as windows depend on it."""

import os
import select
import sys
from collections import deque
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from detector.errors import SourceLost
from pipelines.clock import Clock
from pipelines.io.base import Checkpoint, Place, RawBatch
from pipelines.io.sources.lines import Format, LineParser

READ_BYTES = 1 << 20
KEPT_RECORDS = 1_000_000
"""Beyond so many the oldest are forgotten: series that were silent for longer begin with empty windows."""


class StdinConfig(BaseModel):
    """Standard input."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["stdin"] = "stdin"
    format: Format = Field(default="auto", description="csv (with a header) or jsonl; auto looks at the first line")
    series: str = Field(default="stdin", description="Series of records without an entity field")

    def open(self, clock: Clock) -> "PipeSource":
        """Returns a source on standard input."""
        return PipeSource(sys.stdin.fileno(), self)


class PipeSource:
    """Reads whole lines from an open file descriptor, such as that of a pipe."""

    def __init__(self, descriptor: int, config: StdinConfig) -> None:
        self._descriptor = descriptor
        self._parser = LineParser("standard input", config.series, 0, config.format)
        self._rest = b""
        self._ended = False
        self._committed = Checkpoint()
        self._kept: deque[RawBatch] = deque()
        self._again: deque[RawBatch] = deque()

    def poll(self, timeout_s: float) -> RawBatch | None:
        """Returns the lines that have come, None at the end of the input."""
        if self._again:
            return self._again.popleft()
        batch = self._read(timeout_s)
        if batch is not None and len(batch):
            self._kept.append(batch)
        return batch

    def _read(self, timeout_s: float) -> RawBatch | None:
        if self._ended:
            return None
        ready, _, _ = select.select([self._descriptor], [], [], timeout_s)
        if not ready:
            return self._parser.parse([])
        try:
            content = os.read(self._descriptor, READ_BYTES)
        except OSError as error:
            raise SourceLost(f"cannot read standard input: {error.strerror}.") from error
        self._ended = not content
        whole, newline, self._rest = (self._rest + content).rpartition(b"\n")
        lines = whole.split(b"\n") if newline else []
        if self._ended and self._rest:
            lines, self._rest = [*lines, self._rest], b""
        return self._parser.parse(lines)

    def committed(self) -> Checkpoint:
        """Returns what was committed since the start: a pipe remembers nothing longer than its process."""
        return self._committed

    def commit(self, checkpoint: Checkpoint) -> None:
        """Remembers the checkpoint in memory and forgets what no window depends on."""
        self._committed = checkpoint
        needed = checkpoint.positions[0].rewind_offset if 0 in checkpoint.positions else 0
        many = sum(map(len, self._kept))
        while self._kept and (self._kept[0].offset[-1] < needed or many > KEPT_RECORDS):
            many -= len(self._kept.popleft())

    def rewind(self) -> None:
        """Gives again what is kept."""
        self._again = deque(self._kept)

    def place(self, partition: int) -> Place:
        """Returns the one place there is."""
        return Place("stdin", 0)

    def close(self) -> None:
        """Leaves the descriptor to its owner."""
