"""The demonstration on the terminal: alerts as they fire, and what came of it."""

import pandas as pd
from rich.box import SIMPLE
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from detector.alerting.alert import Alert, ChannelShare
from detector.windows.schema import NS
from pipelines.demo.outcome import Outcome
from pipelines.demo.stage import Stage
from pipelines.io.base import Output, Sink

BAR_CELLS = 16

_STYLES = {"warning": "yellow", "major": "dark_orange", "critical": "bold red"}


class Show(Sink):
    """Prints every alert once, with a bar per channel, and its end; keeps the time of the stream on a progress bar.

    Args:
        console: where to.
        rows: decisions that the whole stream will give.
    """

    def __init__(self, console: Console, rows: int) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
        self._console = console
        self._bar = Progress(*columns, console=console, disable=not console.is_terminal, transient=True)
        self._task = self._bar.add_task("the stream begins", total=rows)
        self._told: set[str] = set()

    def __enter__(self) -> "Show":
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def write(self, output: Output) -> None:
        """Prints what is new."""
        for alert in output.alerts:
            if alert.state == "resolved":
                self._console.print(_ended(alert), soft_wrap=True)
            elif alert.id not in self._told:
                self._told.add(alert.id)
                self._console.print(*_begun(alert), sep="\n", soft_wrap=True)
            else:
                self._console.print(_risen(alert), soft_wrap=True)
        if len(output.decisions):
            self._bar.update(
                self._task, advance=len(output.decisions), description=stamp(int(output.decisions.time_ns.max()))
            )


def summary(outcome: Outcome) -> Table:
    """Returns the table of all faults and what was said of them."""
    table = Table(box=SIMPLE, header_style="bold", pad_edge=False)
    for heading in ("fault", "pump", "begins", "alert after", "score", "loudest"):
        table.add_column(heading, no_wrap=True)
    for finding in outcome.findings:
        fault, alert = finding.fault, finding.alert
        known = (fault.kind, fault.series, stamp(fault.start_ns))
        if alert is None or finding.delay_s is None:
            table.add_row(*known, "missed", "", "", style="red")
        else:
            loudest = alert.channels[0].name if alert.channels else ""
            table.add_row(*known, minutes(finding.delay_s), f"{alert.peak_score:.1f}", loudest)
    return table


def verdict(outcome: Outcome, stage: Stage) -> Text:
    """Returns the outcome in a coloured sentence."""
    injected, missed = len(outcome.findings), len(outcome.findings) - outcome.detected
    weeks = stage.plant.pumps * stage.plant.live_days / 7
    delay = "" if outcome.median_delay_s is None else f", median delay {minutes(outcome.median_delay_s)}"
    return Text.assemble(
        (f"{outcome.detected} of {injected} faults found", "bold green"),
        (f", {missed} missed", "red" if missed else ""),
        f", {len(outcome.false_alarms)} false alarms in {weeks:.1f} pump weeks{delay}.",
    )


def minutes(seconds: float) -> str:
    """Returns a duration in minutes, for people."""
    return f"{seconds / 60:.0f} min"


def stamp(time_ns: int) -> str:
    """Returns an event time to the minute, for people."""
    return f"{pd.Timestamp(time_ns):%a %d %b %H:%M}"


def _begun(alert: Alert) -> list[Text]:
    style = _STYLES[alert.severity]
    head = Text.assemble(
        (stamp(alert.start_ns), "dim"),
        (f"  {alert.series}  ", "bold"),
        (f"{alert.severity}, {alert.peak_score:.1f} times the limit", style),
    )
    return [head, *(_channel(channel, style) for channel in alert.channels)]


def _channel(channel: ChannelShare, style: str) -> Text:
    bar = "█" * max(1, round(channel.share * BAR_CELLS))
    told = Text.assemble(f"    {channel.name:<12}", (f"{bar:<{BAR_CELLS}}", style), f" {channel.share:>4.0%}")
    if channel.actual is not None and channel.expected is not None:
        told.append(f"   {channel.actual:.3g} {channel.unit}", style="bold")
        told.append(f"   expected {channel.expected:.3g}", style="cyan")
    return told


def _risen(alert: Alert) -> Text:
    told = (f"  {alert.severity}, {alert.peak_score:.1f} times the limit", _STYLES[alert.severity])
    return Text.assemble((stamp(alert.peak_ns), "dim"), f"  {alert.series}", told)


def _ended(alert: Alert) -> Text:
    lasted = minutes(((alert.end_ns or alert.start_ns) - alert.start_ns) / NS)
    told = f"  back to normal after {lasted}, at worst {alert.peak_score:.1f} times the limit"
    return Text.assemble((stamp(alert.end_ns or alert.start_ns), "dim"), f"  {alert.series}", (told, "green"))
