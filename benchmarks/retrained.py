"""What `reconwatch retrain --variant all --backbone all` costs and chooses, and how far that is from the best.

    RECONWATCH_DATA=... python -m benchmarks.retrained smd/machine-1-2 [--steps 100] [--out out/retrained]

The training part of the series (the first 30% where there is none) without labels is the history, MLflow on SQLite the
registry; the command is run as a user runs it. Afterwards every candidate that it trained scores the rows behind the
history (at most 25,000), with a delay of 16 rows, and the labels are read last.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import track
from rich.table import Table as Grid

from benchmarks.quality import TEST_ROWS, TRAIN_RATIO
from detector.api import DELAY, score
from detector.bundle import load
from detector.evaluation.vus import period, vus_pr
from detector.types import Bools
from pipelines.io.frames import TIME, read_table
from pipelines.retrain.candidates import AUTO


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("series", help="COLLECTION/ID", nargs="?", default="smd/machine-1-2")
    parser.add_argument("--data", type=Path, default=os.environ.get("RECONWATCH_DATA"))
    parser.add_argument("--steps", type=int, default=100, help="training steps of every network")
    parser.add_argument("--rows", type=int, help="newest rows of the history to learn from; all by default")
    parser.add_argument("--out", type=Path, default=Path("out/retrained"), help="folder, emptied first")
    parser.add_argument("--quick", action="store_true", help="two variants on one backbone")
    arguments = parser.parse_args()
    if arguments.data is None or not arguments.data.is_dir():
        print("retrained: skipped, there is no data folder; name it with --data or RECONWATCH_DATA.", file=sys.stderr)
        return
    folder = arguments.out / arguments.series.replace("/", "-")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    history, recent, labels = parts(arguments.data, arguments.series, arguments.rows)
    history.to_csv(folder / "history.csv", index=False)
    config = configured(folder, arguments.steps)
    which = ("pca", "deep") if arguments.quick else ("all",)
    backbones = ("dense",) if arguments.quick else ("all",)
    asked = [word for name in which for word in ("--variant", name)]
    asked += [word for name in backbones for word in ("--backbone", name)]
    command = [sys.executable, "-c", "from pipelines.cli.main import main; main()", "retrain", "-c", str(config)]
    begin = time.perf_counter()
    done = subprocess.run([*command, *asked, "--json"], stdout=subprocess.PIPE, text=True, check=True)
    seconds = time.perf_counter() - begin
    outcome = json.loads(done.stdout)
    report(outcome, seconds, children(folder), judged(folder, recent, labels))


def parts(data: Path, name: str, rows: int | None) -> tuple[pd.DataFrame, pd.DataFrame, Bools]:
    """Returns the history, the rows behind it, and their labels."""
    collection, series = name.split("/")
    manifest = json.loads((data / collection / "manifest.json").read_text())
    entry = next(entry for entry in manifest["series"] if entry["id"] == series)
    table = read_table(data / collection / entry["file"])
    assert table.labels is not None
    cut = entry["train_rows"] or int(TRAIN_RATIO * len(table.frame))
    recent = slice(cut, cut + TEST_ROWS)
    return (
        table.frame[max(0, cut - rows) if rows else 0 : cut],
        table.frame[recent].reset_index(drop=True),
        table.labels[recent],
    )


def configured(folder: Path, steps: int) -> Path:
    """Writes the configuration of the retrain."""
    path = folder / "reconwatch.yaml"
    path.write_text(f"""
detector: {{name: series, registry: {{kind: mlflow, uri: "sqlite:///{folder}/mlflow.db", folder: {folder}/mlflow}}}}
source: {{kind: memory}}
retrain: {{data: ["{folder}/history.csv"], folder: {folder}/work, steps: {steps}}}
""")
    return path


def children(folder: Path) -> int:
    """Returns how many finished child runs MLflow has."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    experiment = client.get_experiment_by_name("series")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id], "attributes.status = 'FINISHED'", max_results=500)
    return sum("mlflow.parentRunId" in run.data.tags for run in runs)


def judged(folder: Path, recent: pd.DataFrame, labels: Bools) -> dict[str, float]:
    """Returns the VUS-PR of every candidate by the labels."""
    buffer = period(recent.drop(columns=TIME).iloc[:, 0].ffill().fillna(0).to_numpy())
    bundles = sorted((folder / "work").glob("*/*/*/bundle"))
    found = {}
    for path in track(bundles, "score", console=Console(stderr=True), transient=True):
        scores = score(load(path), recent, DELAY).anomaly_score.to_numpy()
        found[path.parent.name] = vus_pr(labels, np.nan_to_num(scores), buffer)
    return found


def report(outcome: dict[str, Any], seconds: float, runs: int, found: dict[str, float]) -> None:
    """Prints what was chosen beside what the labels say."""
    console = Console()
    ranked = sorted(found, key=lambda name: -found[name])
    chosen, best = outcome["chosen"], ranked[0]
    console.print(f"retrain: {seconds / 60:.1f} min, {runs} child runs, compared by {outcome['compared_by']}")
    console.print(f"chosen {chosen}: VUS-PR {found[chosen]:.3f}, {ranked.index(chosen) + 1} of {len(ranked)}")
    console.print(f"best by labels {best}: {found[best]:.3f}; fused default: {found[AUTO]:.3f}; {outcome['reason']}")
    grid = Grid("candidate", "VUS-PR by labels", "by the examination (95% interval)")
    for name in ranked:
        one = outcome["candidates"][name]
        grid.add_row(name, f"{found[name]:.3f}", f"{one['quality']:.3f} ({one['low']:.3f} to {one['high']:.3f})")
    console.print(grid)


if __name__ == "__main__":
    main()
