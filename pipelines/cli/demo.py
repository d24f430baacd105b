"""``reconwatch demo``: a plant, its faults, and a detector that finds them."""

import json
from pathlib import Path

import click

EPILOG = """\b
Example:
  reconwatch demo
  reconwatch demo --seconds 0 --json
"""


@click.command(epilog=EPILOG)
@click.option(
    "--seconds", type=click.FloatRange(min=0), default=20, show_default=True,
    help="How long the three streamed days take; 0 plays them as fast as they can be scored.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the plant and the training.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default="reconwatch-demo", show_default=True,
    help="Folder for the records, the bundle and the report.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print nothing but the outcome, as one JSON object.")
def demo(seconds: float, seed: int, out: Path, as_json: bool) -> None:
    """Simulate a pump station, learn its quiet days, and watch for the ten faults that follow.

    Twelve pumps report five channels every minute. A detector is trained on a week without faults; then three days
    with a spike, a stuck sensor, a leak, cavitation and a lost channel (twice each) go through the daemon's own loop.
    """
    from rich.console import Console

    console = Console(quiet=as_json, highlight=False)
    console.print("A pump station is being built ...")  # before the imports that take a moment

    from pipelines.cli.show import progress_bar
    from pipelines.demo.outcome import judge
    from pipelines.demo.plant import PlantConfig
    from pipelines.demo.play import by_series, learn, watch
    from pipelines.demo.report import Report
    from pipelines.demo.show import Show, summary, verdict
    from pipelines.demo.stage import build, write
    from pipelines.io.sinks.memory import MemorySink
    from pipelines.logs import LoggingConfig
    from pipelines.settings import Settings

    LoggingConfig(level="error").install()  # the show tells what there is to tell
    plant = PlantConfig()
    stage = build(plant, seed, out)
    write(stage, seconds)
    console.print(f"{plant.pumps} pumps ran for {plant.history_days} quiet days; learning what normal looks like ...")
    with progress_bar() as progress:
        bundle = learn(stage, seed, progress)

    console.print(f"Now {plant.live_days} more days, with {len(stage.faults)} faults put in.\n")
    settings, memory = Settings.model_validate(stage.settings(seconds)), MemorySink()
    with Show(console, plant.pumps * (plant.rows - plant.history_rows)) as show:
        watch(settings, bundle, [memory, show])

    decisions, delay = by_series(memory.outputs), settings.scoring.delay
    fire_rows = settings.alerts.min_duration_rows
    outcome = judge(stage.faults, memory.alerts, decisions, fire_rows, delay * plant.interval_s)
    Report(stage, bundle, outcome, decisions, delay).write()
    console.print("", summary(outcome), verdict(outcome, stage), f"Report: {stage.report}", sep="\n")
    if as_json:
        told = {
            "injected": len(stage.faults),
            "detected": outcome.detected,
            "false_alarms": len(outcome.false_alarms),
            "median_delay_s": outcome.median_delay_s,
            "report": str(stage.report),
        }
        click.echo(json.dumps(told))
