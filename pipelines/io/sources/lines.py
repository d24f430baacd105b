"""Lines of a text stream as raw batches: the first line of delimited text is its header, JSON lines have none."""

import csv
from collections.abc import Sequence
from typing import Literal

import numpy as np

from detector.errors import DataError
from pipelines.io.base import NO_TIME, RawBatch

Format = Literal["auto", "csv", "jsonl"]


class LineParser:
    """Turns the lines of one stream into batches and counts their offsets.

    Args:
        name: of the stream, for messages.
        key: series name given to every record, None if the stream has none.
        partition: of every record.
        format: auto takes the first line for JSON if it begins with a brace.
    """

    def __init__(self, name: str, key: str | None, partition: int, format: Format) -> None:
        self.name = name
        self.next_offset = 0
        self._key = key
        self._partition = partition
        self._format = format
        self._header: tuple[str, ...] | None = None

    @property
    def begun(self) -> bool:
        """True once a line was seen."""
        return self._header is not None or self.next_offset > 0

    def parse(self, lines: Sequence[bytes]) -> RawBatch:
        """Returns one record per line but the header and empty lines; offsets count from 0 and include empty lines.

        Raises:
            DataError: the header is unusable.
        """
        if self._format == "auto" and lines:
            self._format = "jsonl" if lines[0].lstrip().startswith(b"{") else "csv"
        if self._format == "csv" and self._header is None and lines:
            self._header = self._columns(lines[0])
            lines = lines[1:]
        offset = np.arange(self.next_offset, self.next_offset + len(lines), dtype=np.int64)
        self.next_offset += len(lines)
        records = [line.strip(b"\r\n") for line in lines]
        if not all(records):
            offset = offset[[bool(record) for record in records]]
            records = [record for record in records if record]
        count = len(records)
        return RawBatch(
            records=records,
            keys=[self._key] * count,
            partition=np.full(count, self._partition, np.int32),
            offset=offset,
            timestamp_ns=np.full(count, NO_TIME, np.int64),
            header=self._header,
        )

    def _columns(self, line: bytes) -> tuple[str, ...]:
        text = line.decode("utf-8-sig", "replace").strip("\r\n")
        names = tuple(name.strip() for name in next(csv.reader([text]), []))
        doubled = sorted({name for name in names if names.count(name) > 1})
        if not names or doubled:
            wrong = f"repeats the column {doubled[0]!r}" if doubled else "is empty"
            raise DataError(f"the header of {self.name} {wrong}: the first line must name every column once.")
        return names
