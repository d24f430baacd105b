"""Results kept in memory, for tests and programs that embed the loop."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from detector.alerting.alert import Alert
from pipelines.io.base import Context, Output, Sink


class MemorySinkConfig(BaseModel):
    """Keeps results in memory."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["memory"] = "memory"

    def open(self, context: Context) -> "MemorySink":
        """Returns an empty sink."""
        return MemorySink()


class MemorySink(Sink):
    """Remembers every output in order.

    Attributes:
        outputs: what was written.
        flushed: how many of them were flushed.
    """

    def __init__(self) -> None:
        self.outputs: list[Output] = []
        self.flushed = 0

    @property
    def alerts(self) -> list[Alert]:
        """All alerts written, in order."""
        return [alert for output in self.outputs for alert in output.alerts]

    def write(self, output: Output) -> None:
        """Appends to ``outputs``."""
        self.outputs.append(output)

    def flush(self) -> None:
        """Notes how much is flushed."""
        self.flushed = len(self.outputs)
