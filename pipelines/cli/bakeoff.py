"""``reconwatch bakeoff``: every autoencoder beside every other, in six comparisons and what they cost."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pipelines.bakeoff.config import BakeoffConfig
    from pipelines.bakeoff.marks import Marks
    from pipelines.registry.mlflow.config import MlflowConfig

EPILOG = """\b
Example:
  reconwatch bakeoff --dataset digits --quick
  reconwatch bakeoff --dataset digits --out digits
  reconwatch bakeoff --data pump.csv valve.csv --variant deep --variant vae --backbone conv1d --seeds 10

\b
The folder --out receives report.html, figures.csv (a row per training) and bakeoff.json (means and intervals).
"""
FILE = click.Path(path_type=Path)


@click.command(epilog=EPILOG)
@click.option(
    "--dataset", type=click.Choice(["digits"]), help="Images that come with scikit-learn; nothing is fetched."
)
@click.option("--data", "first", type=FILE, multiple=True, help="Or labelled CSV or CSV.gz; more files may follow.")
@click.argument("more", type=FILE, nargs=-1, metavar="[FILE]...")
@click.option("--variant", "variants", multiple=True, metavar="NAME|all", help="Autoencoders; all by default.")
@click.option("--backbone", "backbones", multiple=True, metavar="NAME|all", help="Their layers; all by default.")
@click.option("--seeds", type=click.IntRange(1, 1000), help="Seeds; 5 by default. Digits take 10 at least, one each.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="The first of them.")
@click.option("--steps", type=click.IntRange(min=1), help="Training steps; 300 by default.")
@click.option("--loss", type=click.Choice(["mse", "bce", "gaussian_nll"]), help="bce puts the data into [0, 1].")
@click.option("--code-size", type=click.IntRange(min=1), help="Of every variant, instead of their own.")
@click.option("--window", type=click.IntRange(2, 4096), help="Rows of a window of a series; 32 by default.")
@click.option("--learn-rows", type=click.IntRange(min=50), help="Newest training rows of a series; 4000 by default.")
@click.option("--rows", type=click.IntRange(min=1), help="Rows of a series to judge by; 4000 by default.")
@click.option("--quick", is_flag=True, help="A first look within minutes: dense layers, shorter training, fewer rows.")
@click.option("--out", type=FILE, default="reconwatch-bakeoff", show_default=True, help="Folder for the results.")
@click.option("--tracking-uri", metavar="URI", help="MLflow: sqlite:///FILE or a server; reconwatch-data by default.")
@click.option("--workers", type=click.IntRange(min=1), help="Processes; one per core by default.")
@click.option("--json", "as_json", is_flag=True, help="Print the means as one JSON object.")
def bakeoff(
    dataset: str | None,
    first: tuple[Path, ...],
    more: tuple[Path, ...],
    variants: tuple[str, ...],
    backbones: tuple[str, ...],
    quick: bool,
    out: Path,
    tracking_uri: str | None,
    workers: int | None,
    as_json: bool,
    **settings: Any,
) -> None:
    """Compares autoencoders: reconstruction, sampling, interpolation, latent structure, anomalies, probes, cost.

    Every variant is trained on every backbone with several seeds; means have 95% intervals. Digits are held out in
    turn as the anomaly. Of a labelled series, the first part is learnt from (a manifest.json beside it may say how
    much), the rest is judged, and labels are read last.
    """
    asked: dict[str, Any] = {"dataset": dataset, "data": (*first, *more), "variants": variants, "backbones": backbones}
    _check_packages()
    config = _config({name: value for name, value in (asked | settings).items() if value not in (None, ())}, quick)

    import json
    import shlex

    from detector.errors import RetrainIncomplete
    from pipelines.bakeoff.contest import cases, contest
    from pipelines.bakeoff.entrants import models
    from pipelines.bakeoff.record import content, frame, log, tags, written
    from pipelines.bakeoff.report import Report
    from pipelines.cli.files import made_folder, write_whole
    from pipelines.cli.show import note, progress_bar
    from pipelines.clock import SystemClock

    made_folder(out)
    known = cases(config)
    journal, key = _mlflow(tracking_uri).journal("bakeoff"), f"{SystemClock().now_s():.3f}"
    taking_part = {entrant.name: entrant for entrant in models(config)}
    with journal.parent(key, {"dataset": config.dataset or "series"}) as parent, progress_bar() as progress:

        def told(marks: "list[Marks]") -> None:
            for one in marks:
                if one.failure:
                    note(f"{one.entrant} failed on {one.case} with seed {one.seed}: {one.failure}")
            if entrant := taking_part.get(marks[0].entrant):
                with journal.child(key, entrant.name, tags(entrant, config)) as run:
                    log(run, entrant, config, marks)

        marks = contest(config, workers or len(os.sched_getaffinity(0)), progress, told)
        write_whole(out / "figures.csv", lambda path: frame(marks).to_csv(path, index=False))
        write_whole(out / "bakeoff.json", lambda path: path.write_text(written(config, marks), encoding="utf-8"))
        page = Report(config, known, marks).page()
        write_whole(out / "report.html", lambda path: path.write_text(page, encoding="utf-8"))
        parent.params({name: str(value)[:250] for name, value in config.model_dump(mode="json").items()})
        for name in ("figures.csv", "bakeoff.json", "report.html"):
            parent.file(out / name)
    if as_json:
        print(json.dumps(content(config, marks)))
    else:
        _print(marks)
        print(f"report: {shlex.quote(str(out / 'report.html'))}")
    failed = sorted({one.entrant for one in marks if one.failure})
    if failed:
        raise RetrainIncomplete(f"{len(failed)} models failed: {', '.join(failed)}; the others are in {out}.")


def _config(asked: dict[str, Any], quick: bool) -> "BakeoffConfig":
    from pydantic import ValidationError

    from detector.errors import ConfigError
    from detector.models.variants.table import REGISTERED
    from pipelines.bakeoff.config import QUICK, BakeoffConfig

    for names in ("variants", "backbones"):
        if "all" in asked.get(names, ()):
            del asked[names]
    for variant in asked.get("variants", ()):
        if variant not in REGISTERED:
            raise ConfigError(f"--variant {variant}: there is no such one; legal are {', '.join(REGISTERED)}.")
    try:
        return BakeoffConfig.model_validate((QUICK if quick else {}) | asked)
    except ValidationError as error:
        found = error.errors()[0]
        if not found["loc"]:
            raise click.UsageError("say what to compare on: --dataset digits, or --data FILES.") from error
        given = f"--{str(found['loc'][0]).rstrip('s')} {found['input']}"
        raise ConfigError(f"{given} cannot be: {found['msg']}.") from error


def _check_packages() -> None:
    from importlib.util import find_spec

    from detector.errors import ConfigError

    absent = [name for name in ("torch", "sklearn", "umap", "mlflow") if find_spec(name) is None]
    if absent:
        raise ConfigError(f"a bake-off needs {', '.join(absent)}: pip install 'reconwatch[bakeoff]'.")


def _mlflow(uri: str | None) -> "MlflowConfig":
    """Returns where runs go; the artifacts of a database of one's own lie beside it."""
    from pydantic import ValidationError

    from detector.errors import ConfigError
    from pipelines.registry.mlflow.config import SQLITE, MlflowConfig

    if uri is None:
        return MlflowConfig()
    try:
        config = MlflowConfig(uri=uri)
    except ValidationError as error:
        raise ConfigError(f"--tracking-uri {error.errors()[0]['msg'].removeprefix('Value error, ')}.") from error
    if config.database is None:
        return config
    return MlflowConfig(uri=f"{SQLITE}{config.database}", folder=config.database.parent / "mlflow")


def _print(marks: "list[Marks]") -> None:
    from rich.console import Console
    from rich.table import Table

    from pipelines.bakeoff.figures import FIGURES, HEADLINE
    from pipelines.bakeoff.summary import summary

    names = [*HEADLINE.values(), "auc_roc", "train_s"]
    headings = {"reconstruction_mse": "error", "discriminative_score": "discr.", "midpoint_ratio": "midpoint",
                "trustworthiness": "trust", "probe_100": "probe 100", "train_s": "train s"}  # fmt: skip
    grid = Table("", title="means over trainings", box=None, padding=(0, 1, 0, 0))
    for name in names:
        grid.add_column(headings.get(name, FIGURES[name].label), justify="right", no_wrap=True)
    for entrant, means in summary(marks).items():
        grid.add_row(entrant, *(f"{means[name].value:.3g}" if name in means else "-" for name in names))
    console = Console()
    console.print(grid)
    console.print("error, discr.: less is better. midpoint: 1 is ideal. The others: more is better.", highlight=False)
