"""``reconwatch retrain``: all candidates from the newest history, and the best one promoted by evidence."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipelines.cli.options import config_options
from pipelines.settings import Settings

if TYPE_CHECKING:
    from detector.evaluation.select import Standing
    from pipelines.retrain.config import RetrainConfig
    from pipelines.retrain.history import History
    from pipelines.retrain.retrain import Place

EPILOG = """\b
Example:
  reconwatch retrain -c pump.yaml --data 'history/*.csv'
  reconwatch retrain -c pump.yaml --variant all --backbone dense --backbone conv1d --resume
  reconwatch retrain -c pump.yaml --variant denoising --search 30
  reconwatch retrain -c pump.yaml --if-drifted
"""


@click.command(epilog=EPILOG)
@config_options
@click.option("--data", multiple=True, metavar="FILE", help="History, instead of retrain.data; may be repeated.")
@click.option("--incidents", type=click.Path(path_type=Path), help="Intervals to learn nothing from (YAML or CSV).")
@click.option("--variant", "variants", multiple=True, metavar="NAME|all", help="Autoencoders beside the default.")
@click.option("--backbone", "backbones", multiple=True, metavar="NAME|all", help="Their layers; conv1d by default.")
@click.option(
    "--search", type=click.IntRange(1, 1000), help="Trials in search of hyperparameters of every autoencoder."
)
@click.option("--resume", is_flag=True, help="Go on with an interrupted retrain of the same history and settings.")
@click.option("--if-drifted", is_flag=True, help="Do nothing while the champion's scores are as they were; for cron.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as one JSON object.")
def retrain(
    settings: Settings,
    data: tuple[str, ...],
    incidents: Path | None,
    variants: tuple[str, ...],
    backbones: tuple[str, ...],
    search: int | None,
    resume: bool,
    if_drifted: bool,
    as_json: bool,
) -> None:
    """Train the fused default and every variant asked for, register the best, and promote it if it is better.

    The newest fifth of the history is kept apart: there the best candidate and the champion are compared by a paired
    test. A candidate that fails does not stop the others, but the exit code tells of it.
    """
    from detector.errors import ConfigError, RetrainIncomplete
    from pipelines.cli.show import note, progress_bar, result
    from pipelines.retrain.candidates import candidates
    from pipelines.retrain.history import read_history
    from pipelines.retrain.incidents import read_incidents
    from pipelines.retrain.retrain import Place
    from pipelines.retrain.retrain import retrain as retrained
    from pipelines.retrain.train import Result

    if settings.detector.registry is None:
        raise ConfigError("retrain needs detector.registry, where the detectors it trains are registered.")
    asked = {"data": data, "incidents": incidents, "variants": variants, "backbones": backbones, "search": search}
    config = settings.retrain.model_copy(update={key: value for key, value in asked.items() if value})
    known = read_incidents(config.incidents) if config.incidents else []
    history = read_history(config.data, known, config.test_ratio, note)
    wanted = candidates(config.variants, config.backbones, len(history.schema.channels), config.steps)
    name, registry = settings.detector.name, settings.detector.registry
    place = Place(name, registry, registry.open(name))

    if if_drifted and (calm := _calm(place, config, history, settings)):
        result({"detector": name, "retrained": False, "reason": calm}, as_json)
        return

    def told(one: Result) -> None:
        if one.status != "trained":
            note(f"{one.name} {one.status}: {one.reason}")

    with progress_bar() as progress:
        outcome = retrained(
            place, config, history, wanted, settings.scoring.delay, settings.scoring.calibration, resume, progress, told
        )
    standings = outcome.selection.standings if outcome.selection else ()
    quality: dict[str, Any] = dict.fromkeys(one.name for one in outcome.results if one.status != "trained")
    for one in standings:
        quality[one.name] = _standing(one) if as_json else f"{one.quality:.3f} ({one.low:.3f} to {one.high:.3f})"
    result(
        {
            "detector": name,
            "compared_by": f"{outcome.exam} anomalies",
            **({"candidates": quality} if as_json else quality),
            "chosen": outcome.selection.chosen if outcome.selection else "",
            "worth": outcome.selection.worth if outcome.selection else "",
            "version": outcome.number,
            "promoted": outcome.decision.promote,
            "reason": outcome.decision.reason,
        },
        as_json,
    )
    failed = [one for one in outcome.results if one.status == "failed"]
    if failed:
        raise RetrainIncomplete(
            f"{len(failed)} of {len(wanted)} candidates failed: {', '.join(one.name for one in failed)}; the others "
            "are done, and --resume tries these again."
        )


def _standing(one: "Standing") -> dict[str, Any]:
    gain = one.gain._asdict() if one.gain else None
    return {"quality": one.quality, "low": one.low, "high": one.high, "gain_over_auto": gain}


def _calm(place: "Place", config: "RetrainConfig", history: "History", settings: Settings) -> str:
    """Returns why no retrain is due, empty where one is."""
    from pipelines.retrain.drifted import evidence
    from pipelines.retrain.retrain import champion_of

    number, champion = champion_of(place)
    if champion is None or champion.detector.schema.hash != history.schema.hash:
        return ""
    scoring = settings.scoring
    found = evidence(champion, history, config.drift, scoring.delay, scoring.calibration)
    if found.triggered:
        return ""
    return f"the scores of version {number} have not drifted (evidence 10^{found.log10_capital:.1f})"
