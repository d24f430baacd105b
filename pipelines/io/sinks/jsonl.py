"""JSON lines: one object per alert, score or dead letter, to a file or standard output."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import orjson
from pydantic import BaseModel, ConfigDict, Field

from detector.errors import SinkUnavailable
from pipelines.io.base import Output, Sink

Content = Literal["alerts", "scores", "dead_letters"]


class JsonlConfig(BaseModel):
    """JSON lines."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["jsonl"] = "jsonl"
    path: str = Field(description="File to append to, or - for standard output")
    content: Content = Field(default="alerts", description="What to write")
    sync: bool = Field(default=False, description="Wait at every flush until the disk has it (survives a power cut)")

    def open(self) -> "JsonlSink":
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
        self._lines += [orjson.dumps(item) + b"\n" for item in _CONTENTS[self._config.content](output)]

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


def _alerts(output: Output) -> Iterable[dict[str, Any]]:
    return (alert.record() for alert in output.alerts)


def _scores(output: Output) -> Iterable[dict[str, Any]]:
    rows = output.decisions
    top = rows.contribution.argmax(axis=1).tolist()
    told = np.any(rows.contribution > 0, axis=1).tolist()
    columns = (
        output.keys,
        np.datetime_as_string(rows.time_ns.astype("datetime64[ns]")).tolist(),
        rows.time_ns.tolist(),
        rows.anomaly_score.tolist(),
        rows.is_anomaly.tolist(),
        rows.p_value.tolist(),
        [output.channels[c] if t else None for c, t in zip(top, told, strict=True)],
        rows.warming.tolist(),
    )
    return (dict(zip(_SCORE_FIELDS, row, strict=True)) for row in zip(*columns, strict=True))


_SCORE_FIELDS = ("series", "time", "time_ns", "anomaly_score", "is_anomaly", "p_value", "top_channel", "warming")


def _dead_letters(output: Output) -> Iterable[dict[str, Any]]:
    for letter in output.dead_letters:
        yield {
            "partition": letter.partition,
            "offset": letter.offset,
            "reason": letter.reason,
            "detail": letter.detail,
            "record": letter.record.decode("utf-8", "replace"),
        }


_CONTENTS = {"alerts": _alerts, "scores": _scores, "dead_letters": _dead_letters}
