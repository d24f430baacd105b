"""JSON lines: one object per alert, score or dead letter, to a file or standard output."""

import os
import sys
from pathlib import Path
from typing import Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field

from detector.errors import SinkUnavailable
from pipelines.io.base import Context, Output, Sink
from pipelines.io.sinks.records import CONTENTS, Content


class JsonlConfig(BaseModel):
    """JSON lines."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["jsonl"] = "jsonl"
    path: str = Field(description="File to append to, or - for standard output")
    content: Content = Field(default="alerts", description="What to write")
    sync: bool = Field(default=False, description="Wait at every flush until the disk has it (survives a power cut)")

    def open(self, context: Context) -> "JsonlSink":
        """Opens the file.

        Raises:
            SinkUnavailable: it cannot be written.
        """
        return JsonlSink(self)


class JsonlSink(Sink):
    """Collects the lines of a micro-batch and appends them in one write, so no reader sees half of one."""

    def __init__(self, config: JsonlConfig) -> None:
        self._config = config
        self._lines: list[bytes] = []
        self._owned = config.path != "-"
        self._descriptor = self._open(Path(config.path)) if self._owned else sys.stdout.fileno()

    def write(self, output: Output) -> None:
        """Takes the lines of ``output``; they reach the file with the next flush."""
        self._lines += [orjson.dumps(item) + b"\n" for item in CONTENTS[self._config.content](output)]

    def flush(self) -> None:
        """Appends what was taken.

        Raises:
            SinkUnavailable: the file cannot be written (disk full, removed device).
        """
        content, self._lines = memoryview(b"".join(self._lines)), []
        try:
            while content:
                content = content[os.write(self._descriptor, content) :]
            if self._config.sync and self._owned:
                os.fsync(self._descriptor)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise SinkUnavailable(
                f"cannot write {self._config.path}: {error.strerror}; nothing was committed."
            ) from error

    def close(self) -> None:
        """Closes the file."""
        if self._owned:
            os.close(self._descriptor)

    def _open(self, path: Path) -> int:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as error:
            raise SinkUnavailable(f"cannot write {path}: {error.strerror}; choose another path.") from error
