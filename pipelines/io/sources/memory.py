"""Records that are already in memory: for tests, simulations and short pieces of data in the configuration."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from detector.types import Ints
from pipelines.clock import Clock
from pipelines.io.base import NO_TIME, Checkpoint, Place, RawBatch


class MemoryConfig(BaseModel):
    """Records given in the configuration itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["memory"] = "memory"
    records: tuple[str, ...] = Field(default=(), description="JSON objects, one per record")
    chunk_rows: int = Field(default=4096, ge=1, description="Most records per poll")

    def open(self, clock: Clock) -> "MemorySource":
        """Returns a source of the records."""
        return MemorySource([record.encode() for record in self.records], chunk_rows=self.chunk_rows)


class MemorySource:
    """One partition of records in memory.

    Args:
        records: [N] JSON objects, or lines of CSV if ``header`` is given.
        keys: [N] key of every record.
        header: column names.
        timestamp_ns: [N] int64, the records' own timestamps.
        chunk_rows: most records per poll.
        committed: where to begin; a new source with another's ``committed()`` goes on where that one was stopped.
    """

    def __init__(
        self,
        records: Sequence[bytes],
        keys: Sequence[str | None] | None = None,
        header: tuple[str, ...] | None = None,
        timestamp_ns: Ints | None = None,
        chunk_rows: int = 4096,
        committed: Checkpoint | None = None,
    ) -> None:
        count = len(records)
        self._log = RawBatch(
            records=records,
            keys=keys if keys is not None else [None] * count,
            partition=np.zeros(count, np.int32),
            offset=np.arange(count, dtype=np.int64),
            timestamp_ns=timestamp_ns if timestamp_ns is not None else np.full(count, NO_TIME, np.int64),
            header=header,
        )
        self._chunk_rows = chunk_rows
        self._committed = committed or Checkpoint()
        self._at = 0
        self.rewind()

    def poll(self, timeout_s: float) -> RawBatch | None:
        """Returns the next records, None after the last."""
        begin, self._at = self._at, min(self._at + self._chunk_rows, len(self._log))
        return self._log.part(begin, self._at) if begin < self._at else None

    def committed(self) -> Checkpoint:
        """Returns the last checkpoint."""
        return self._committed

    def commit(self, checkpoint: Checkpoint) -> None:
        """Remembers the checkpoint in memory."""
        self._committed = checkpoint

    def rewind(self) -> None:
        """Goes back to the committed rewind offset."""
        position = self._committed.positions.get(0)
        self._at = position.rewind_offset if position else 0

    def place(self, partition: int) -> Place:
        """Returns the one place there is."""
        return Place("memory", 0)

    def close(self) -> None:
        """Has nothing to release."""
