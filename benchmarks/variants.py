"""Which variant to take: every one on every backbone alone, the fused default, the choice by injection, the oracle.

    RECONWATCH_DATA=... python -m benchmarks.variants [--out out/variants.csv] [--workers 1]

Every series: the newest rows of its training part teach all candidates alike (two thirds) and hold the examination by
which a retrain ranks them without labels (the last third); the rows after them are scored with a delay of 16 rows, and
the labels are read last. The networks of all candidates get the same small number of steps, so figures compare with
each other and not with those of benchmarks.quality. One line per series and candidate goes to ``--out``; what stands
there already is not computed again. ``--list`` prints the series that the rule of variants_series.txt gives.
"""

import argparse
import csv
import json
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import track

from benchmarks.quality import TRAIN_RATIO, _interval
from detector.api import DELAY, fit, score
from detector.errors import ReconwatchError
from detector.evaluation.exam import Exam, Marks, exam, sit
from detector.evaluation.select import select
from detector.evaluation.vus import period, vus_pr
from detector.fitting.dataset import fit_window
from detector.fitting.frames import schema_of, values_of
from detector.models.backbones.table import BackboneConfig
from detector.models.variants.table import REGISTERED
from detector.types import Bools, Floats
from pipelines.io.frames import TIME, read_table
from pipelines.retrain.candidates import ALL, AUTO, Candidate, candidates, kinds

LEARNT_ROWS, KEPT_ROWS, TEST_ROWS = 2000, 1000, 6000
STEPS = 40
MOST_CHANNELS, LEAST_ROWS, PER_COLLECTION, MOST_SERIES = 60, 200, 4, 42
SERIES = Path(__file__).with_name("variants_series.txt")
COLUMNS = ("series", "candidate", "channels", "vus_pr", "marks", "fit_s", "failure")
Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("RECONWATCH_DATA"))
    parser.add_argument("--series", type=Path, default=SERIES, help="file of COLLECTION/ID lines")
    parser.add_argument("--out", type=Path, default=Path("out/variants.csv"), help="figures, one line per candidate")
    parser.add_argument("--quick", action="store_true", help="the first series only")
    parser.add_argument("--list", action="store_true", help="print the series by rule and do nothing else")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    if arguments.data is None or not arguments.data.is_dir():
        print("variants: skipped, there is no data folder; name it with --data or RECONWATCH_DATA.", file=sys.stderr)
        return
    if arguments.list:
        print(*by_rule(arguments.data), sep="\n")
        return
    names = arguments.series.read_text().split()[: 1 if arguments.quick else None]
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    jobs = [(arguments.data, name, _done(arguments.out, name)) for name in names]
    with (
        ProcessPoolExecutor(arguments.workers, mp_context=get_context("spawn")) as pool,
        arguments.out.open("a", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, COLUMNS)
        if not file.tell():
            writer.writeheader()
        running = [pool.submit(measured, *job) for job in jobs]
        for done in track(as_completed(running), "series", len(jobs), console=Console(stderr=True), transient=True):
            writer.writerows(done.result())
            file.flush()
    report(pd.read_csv(arguments.out), set(names))


def by_rule(data: Path) -> list[str]:
    """Lists the shortest series of every collection, then the second shortest and so on, 42 in all.

    Only those of at most 60 channels, with 200 rows to learn from and an anomaly in the rows scored, and none of
    ``flows``, whose rows are no series.
    """
    found = []
    for path in sorted(data.glob("*/manifest.json")):
        manifest = json.loads(path.read_text())
        entries = sorted(manifest["series"], key=lambda entry: (entry["rows"], entry["id"]))
        fit_for_it = (e for e in entries if path.parent.name != "flows" and _usable(path.parent, e))
        shortest = enumerate(islice(fit_for_it, PER_COLLECTION))
        found += [(rank, f"{path.parent.name}/{entry['id']}") for rank, entry in shortest]
    return [name for _, name in sorted(found)][:MOST_SERIES]


def _usable(folder: Path, entry: Row) -> bool:
    if not entry.get("evaluation") or entry["channels"] > MOST_CHANNELS:
        return False
    cut = entry["train_rows"] or int(TRAIN_RATIO * entry["rows"])
    labels = read_table(folder / entry["file"]).labels
    return cut >= LEAST_ROWS and labels is not None and bool(labels[cut : cut + TEST_ROWS].any())


def measured(data: Path, name: str, done: set[str]) -> list[Row]:
    """Returns the figures of every candidate that is not done yet on one series."""
    history, recent, labels = series(data, name)
    kept = min(KEPT_ROWS, len(history) // 3)
    channels = len(schema_of([history]).channels)
    wanted = candidates([ALL], [ALL], channels, STEPS)
    learnt = history[: len(history) - kept]
    sheet = examination(history, learnt, wanted)
    buffer = period(recent.drop(columns=TIME).iloc[:, 0].ffill().fillna(0).to_numpy())
    rows: list[Row] = []
    for candidate in wanted:
        if candidate.name in done:
            continue
        row = {"series": name, "candidate": candidate.name, "channels": channels}
        same = next((r for r in rows if r["candidate"].startswith("pca-")), None)
        if candidate.name.startswith("pca-") and same:  # it has no use for a backbone
            rows.append(same | row)
            continue
        begin = time.perf_counter()
        try:
            bundle = fit(learnt, candidate.config)
        except ReconwatchError as error:
            rows.append(row | {"failure": str(error)})
            continue
        cost = time.perf_counter() - begin
        scores = np.nan_to_num(score(bundle, recent, DELAY).anomaly_score.to_numpy())
        marks = sit(bundle.detector, sheet, DELAY).quality
        figures = {"vus_pr": vus_pr(labels, scores, buffer), "marks": " ".join(f"{m:.5f}" for m in marks)}
        rows.append(row | figures | {"fit_s": cost})
    return rows


def series(data: Path, name: str) -> tuple[pd.DataFrame, pd.DataFrame, Bools]:
    """Returns the rows to learn from, the rows to score and their labels; the last event is not cut."""
    collection, identity = name.split("/")
    manifest = json.loads((data / collection / "manifest.json").read_text())
    entry = next(entry for entry in manifest["series"] if entry["id"] == identity)
    table = read_table(data / collection / entry["file"])
    assert table.labels is not None
    cut = entry["train_rows"] or int(TRAIN_RATIO * len(table.frame))
    end = min(cut + TEST_ROWS, len(table.frame))
    while end < len(table.frame) and table.labels[end - 1] and table.labels[end]:
        end += 1
    history = table.frame[max(0, cut - LEARNT_ROWS - KEPT_ROWS) : cut].reset_index(drop=True)
    return history, table.frame[cut:end].reset_index(drop=True), table.labels[cut:end]


def examination(history: pd.DataFrame, learnt: pd.DataFrame, wanted: list[Candidate]) -> Exam:
    """Makes the examination without labels from the rows that nothing was learnt from."""
    kept: Floats = values_of(schema_of([history]), history[len(learnt) :])
    windows = [fit_window(member.window, len(learnt)) for one in wanted for member in one.config.members]
    return exam([(kept, np.zeros(len(kept), bool))], max(windows), seed=0)


def report(found: pd.DataFrame, names: set[str]) -> None:
    """Prints means with 95% intervals, as Markdown, over the series that every candidate has finished."""
    for _, row in found[found.failure.notna()].iterrows():
        print(f"left out: {row.series}, because of {row.candidate}: {row.failure}")
    whole = found[found.series.isin(names)].pivot_table(index="series", columns="candidate", values="vus_pr").dropna()
    chosen = pd.Series({name: _chosen(found[found.series == name]) for name in whole.index})
    channels = found.groupby("series").channels.first()[whole.index]
    groups = {"all": channels > 0, "univariate": channels == 1, "multivariate": channels > 1}
    best = whole.drop(columns=AUTO).mean().idxmax()
    rows = {
        "fused default (auto)": whole[AUTO],
        "choice by injected anomalies": pd.Series({name: whole.loc[name, chosen[name]] for name in whole.index}),
        f"best single one on average ({best})": whole[best],
        "oracle, best by labels per series": whole.max(axis=1),
    }
    _table(
        ["VUS-PR, mean (95% interval)", *(f"{name} ({part.sum()})" for name, part in groups.items()), "minus auto"],
        [
            [name, *(_mean(values[part]) for part in groups.values()), _mean(values - whole[AUTO])]
            for name, values in rows.items()
        ],
    )
    for heading, less in (("alone", 0.0), ("minus auto, paired", whole[AUTO])):
        cells = [[v, *(_mean(whole[f"{v}-{b}"] - less) for b in kinds(BackboneConfig))] for v in REGISTERED]
        _table([heading, *kinds(BackboneConfig)], cells)
    print("best by labels:", ", ".join(f"{name} {n}x" for name, n in whole.idxmax(axis=1).value_counts().items()))


def _table(heading: list[str], rows: list[list[str]]) -> None:
    for row in (heading, ["---"] * len(heading), *rows):
        print(f"| {' | '.join(row)} |")
    print()


def _mean(values: pd.Series) -> str:
    return _interval(values.to_numpy(), np.random.default_rng(0)).replace("0.", ".")


def _chosen(rows: pd.DataFrame) -> str:
    marks = {row.candidate: Marks(np.array(str(row.marks).split(), float), 0, 0.0) for _, row in rows.iterrows()}
    return select(marks, "injected", AUTO, trust_injected=True).chosen


def _done(out: Path, name: str) -> set[str]:
    if not out.exists():
        return set()
    return set(_finished(out, name))


def _finished(out: Path, name: str) -> Iterator[str]:
    with out.open(newline="", encoding="utf-8") as file:
        yield from (row["candidate"] for row in csv.DictReader(file) if row["series"] == name)


if __name__ == "__main__":
    main()
