"""``reconwatch evaluate``: the table of detection quality on labelled data, baselines always beside the detector."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import pandas as pd

    from detector.errors import DataError
    from pipelines.cli.judge import Record, Task

EPILOG = """\b
Example:
  reconwatch evaluate --data pump-labelled.csv --train-rows 5000
  reconwatch evaluate --data pump-labelled.csv --bundle pump.bundle
  reconwatch evaluate --folder collections --only nab --out figures.csv
"""
FILE = click.Path(path_type=Path)
SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)
HEADINGS = {
    "vus_pr": "VUS-PR",
    "causal_vus_pr": "causal",
    "auc_pr": "AUC-PR",
    "auc_roc": "AUC-ROC",
    "event_precision": "prec.",
    "event_recall": "recall",
    "event_delay_rows": "delay",
    "realised_ratio": "alarms",
}


@click.command(epilog=EPILOG)
@click.option("--data", "first", type=FILE, multiple=True, help="Labelled CSV or CSV.gz; more files may follow.")
@click.argument("more", type=FILE, nargs=-1, metavar="[FILE]...")
@click.option("--folder", type=FILE, help="Collections: folders with a manifest.json that names files and train_rows.")
@click.option("--only", default="", help="Series of --folder whose COLLECTION/ID begins so.")
@click.option(
    "--bundle", "--model", "bundle", type=FILE, help="Judge this detector; without it one is fitted to each series."
)
@click.option("--train-rows", type=click.IntRange(min=2), help="Rows at the beginning of a file to learn from.")
@click.option("--train-ratio", type=SHARE, default=0.3, show_default=True, help="Or the share of its rows.")
@click.option("--rows", type=click.IntRange(min=1), help="Score at most so many rows after those.")
@click.option("--workers", type=click.IntRange(min=1), help="Processes; one per core by default.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of everything random.")
@click.option("--out", type=FILE, help="CSV to write: every figure of every series and method.")
@click.option("--json", "as_json", is_flag=True, help="Print the means as one JSON object.")
def evaluate(
    first: tuple[Path, ...],
    more: tuple[Path, ...],
    folder: Path | None,
    only: str,
    bundle: Path | None,
    train_rows: int | None,
    train_ratio: float,
    rows: int | None,
    workers: int | None,
    seed: int,
    out: Path | None,
    as_json: bool,
) -> None:
    """Measures detection on files with the columns timestamp,<channels...>,is_anomaly.

    The first rows of each file are learnt from (by the baselines only, where --bundle is given), the rest is scored,
    and labels are read last. Figures of alarms are those of scores that wait: 16 rows, and half a window for
    baselines that look at windows. Nothing is adjusted by labels.
    """
    import pandas as pd

    from pipelines.cli.files import check_writable, write_whole
    from pipelines.cli.judge import Task, collections
    from pipelines.cli.show import note

    if bool(first) == bool(folder):
        raise click.UsageError("say what to judge: --data FILES, or --folder COLLECTIONS.")
    if out:
        check_writable(out)
    given: list[tuple[str, str, Path, int | None]] = [
        ("", path.name.split(".")[0], path, None) for path in (*first, *more)
    ]
    if folder:
        given = [series for series in collections(folder) if f"{series[0]}/{series[1]}".startswith(only)]
        if not given:
            raise click.UsageError(f"no series of {folder} begins with {only!r}.")
    tasks = [
        Task(collection, series, path, train_rows or own, train_ratio, rows, bundle, seed)
        for collection, series, path, own in given
    ]
    records, failures = [], []
    for found in _judged(tasks, workers or len(os.sched_getaffinity(0))):
        if isinstance(found, list):
            records += found
        else:
            failures.append(found)
            note(f"left out: {found}")
    if not records:
        raise failures[0]
    frame = pd.DataFrame(records).sort_values(["collection", "series"], kind="stable")
    if out:
        write_whole(out, lambda path: frame.to_csv(path, index=False))
    _print(frame, len(failures), as_json)


def _judged(tasks: "list[Task]", workers: int) -> "Iterator[list[Record] | DataError]":
    """Yields the records of every series, or why it could not be judged, as they are done."""
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from multiprocessing import get_context

    from detector.errors import DataError
    from pipelines.cli.judge import judge
    from pipelines.cli.show import progress_bar

    workers = min(workers, len(tasks))
    with progress_bar() as progress:
        if workers == 1:
            for number, task in enumerate(tasks, 1):
                try:
                    yield judge(task)
                except DataError as error:
                    yield error
                progress("evaluate", number / len(tasks))
            return
        # Fresh processes: a fork would inherit the locks of the threads that numerical libraries have started.
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            jobs = [pool.submit(judge, task) for task in tasks]
            try:
                for number, job in enumerate(as_completed(jobs), 1):
                    try:
                        yield job.result()
                    except DataError as error:
                        yield error
                    progress("evaluate", number / len(tasks))
            finally:
                pool.shutdown(cancel_futures=True)


def _print(frame: "pd.DataFrame", failures: int, as_json: bool) -> None:
    from pipelines.cli.judge import FIGURES, OURS

    means = frame.groupby("method", sort=False)[list(FIGURES)].mean()
    series = int((frame.method == OURS).sum())
    if as_json:
        methods: dict[str, Any] = json.loads(means.to_json(orient="index"))
        print(json.dumps({"series": series, "left_out": failures, "methods": methods}))
        return
    from rich.console import Console
    from rich.table import Table

    grid = Table("method", title=f"means over {series} series", box=None, padding=(0, 1, 0, 0))
    for heading in HEADINGS.values():
        grid.add_column(heading, justify="right", no_wrap=True)
    for method, row in means[list(HEADINGS)].iterrows():
        grid.add_row(str(method), *("-" if value != value else f"{value:.3g}" for value in row))
    console = Console()
    console.print(grid)
    console.print(
        "causal: VUS-PR of scores that wait for nothing. prec., recall, delay (rows): of alarms against labelled "
        "events. alarms: false alarms over those that the budget allows.",
        highlight=False,
    )
