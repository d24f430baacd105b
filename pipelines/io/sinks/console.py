"""Alerts on the terminal, one line each."""

from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict
from rich.console import Console
from rich.text import Text

from detector.alerting.alert import Alert
from pipelines.io.base import Context, Output, Sink

_STYLES = {"warning": "yellow", "major": "dark_orange", "critical": "bold red"}


class ConsoleConfig(BaseModel):
    """Alerts for people; coloured on a terminal."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["console"] = "console"

    def open(self, context: Context) -> "ConsoleSink":
        """Returns a sink on standard output."""
        return ConsoleSink(Console())


class ConsoleSink(Sink):
    """Prints alerts as they change their state.

    Args:
        console: where to.
    """

    def __init__(self, console: Console) -> None:
        self._console = console

    def write(self, output: Output) -> None:
        """Prints one line per alert."""
        for alert in output.alerts:
            self._console.print(line(alert), soft_wrap=True)


def line(alert: Alert) -> Text:
    """Returns an alert as one coloured line: event time, state, severity and the sentence."""
    style = _STYLES.get(alert.severity, "") if alert.state == "firing" else "green"
    time = str(np.datetime64(alert.start_ns, "ns").astype("datetime64[s]")).replace("T", " ")
    state, severity = (f"{alert.state:<8}", style), (f"{alert.severity:<8}", style)
    return Text.assemble((time, "dim"), "  ", state, " ", severity, " ", alert.sentence())
