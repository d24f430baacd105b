"""``reconwatch doctor``: looks before the daemon leaps."""

import json

import click

from pipelines.cli.options import config_options
from pipelines.settings import Settings

UNWELL = 11
MARKS = {"ok": "[green]ok  [/]", "warn": "[yellow]warn[/]", "fail": "[red]FAIL[/]"}
EPILOG = """\b
Example:
  reconwatch doctor -c configs/kafka.yaml
  reconwatch doctor -c configs/kafka.yaml --json | jq 'select(.grade != "ok")'
"""


@click.command(epilog=EPILOG)
@config_options
@click.option("--limit-s", type=click.FloatRange(1), default=30.0, show_default=True, help="Longest wait per part.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per finding.")
def doctor(settings: Settings, limit_s: float, as_json: bool) -> int:
    """Check everything that a daemon needs and say what to fix: Kafka, topics, rights, records, detector, disks, port.

    Changes nothing and joins no group. Ends with 11 where something would keep the daemon from running.
    """
    from rich.console import Console
    from rich.markup import escape

    from pipelines.clock import SystemClock
    from pipelines.doctor.examine import examine

    console = Console(highlight=False, soft_wrap=True)
    failures = warnings = 0
    for found in examine(settings, SystemClock(), limit_s):
        failures += found.grade == "fail"
        warnings += found.grade == "warn"
        if as_json:
            click.echo(json.dumps(found._asdict()))
            continue
        console.print(f"{MARKS[found.grade]} [bold]{escape(found.subject)}[/]: {escape(found.told)}")
        if found.advice:
            console.print(f"       -> {escape(found.advice)}")
    if not as_json:
        console.print(f"\n{failures} failures, {warnings} warnings")
    return UNWELL if failures else 0
