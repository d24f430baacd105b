"""Detection quality of the default detector on labelled series: train, score, compare with baselines.

    RECONWATCH_DATA=... python -m benchmarks.quality [--only smd] [--seed 0] [--workers 2]

Every series: learn from the official training part (or the first 30% where there is none), score the rest (at most
25,000 rows), read the labels last. Prints the mean VUS-PR with a 95% bootstrap interval, for all, univariate and
multivariate series, delayed by 16 rows and causal, beside baselines; and the gain over centred PCA, paired by series.
"""

import argparse
import json
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import track
from rich.table import Table as Grid

from detector.api import DELAY, fit, score
from detector.evaluation.baselines import Series, centred, projection_error, random, window_norm
from detector.evaluation.vus import period, vus_pr
from detector.members.detector import Detector
from pipelines.io.frames import TIME, read_table

TEST_ROWS = 25_000
TRAIN_RATIO = 0.3
SERIES = Path(__file__).with_name("quality_series.txt")
ROWS = ("reconwatch, delay 16", "reconwatch, causal", "conv1d member, delay 16", "conv1d member, causal")
BASELINES = ("PCA projection error, centred", "PCA projection error, causal", "window L2 norm, centred", "random")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("RECONWATCH_DATA"))
    parser.add_argument("--series", type=Path, default=SERIES, help="file of COLLECTION/ID lines")
    parser.add_argument("--only", default="", help="collections that begin so")
    parser.add_argument("--quick", action="store_true", help="the first series of every collection only")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--json", type=Path, help="file for the figures of every series")
    arguments = parser.parse_args()
    if arguments.data is None or not arguments.data.is_dir():
        print("quality: skipped, there is no data folder; name it with --data or RECONWATCH_DATA.", file=sys.stderr)
        return
    names = [line for line in arguments.series.read_text().split() if line.startswith(arguments.only)]
    if arguments.quick:
        names = list({name.split("/")[0]: name for name in reversed(names)}.values())[::-1]
    with ProcessPoolExecutor(arguments.workers) as pool:
        jobs = [pool.submit(measure, arguments.data, name, arguments.seed) for name in names]
        done = track(as_completed(jobs), "series", len(jobs), console=Console(stderr=True), transient=True)
        found = [job.result() for job in done]
    frame = pd.DataFrame(found).sort_values("series").reset_index(drop=True)
    if arguments.json:
        arguments.json.write_text(frame.to_json(orient="records", indent=1))
    report(frame)


def measure(data: Path, name: str, seed: int) -> dict[str, object]:
    """Returns the VUS-PR of every method on one series."""
    collection, series = name.split("/")
    manifest = json.loads((data / collection / "manifest.json").read_text())
    entry = next(entry for entry in manifest["series"] if entry["id"] == series)
    table = read_table(data / collection / entry["file"])
    cut = entry["train_rows"] or int(TRAIN_RATIO * len(table.frame))
    history, recent = table.frame[:cut], table.frame[cut : cut + TEST_ROWS].reset_index(drop=True)
    assert table.labels is not None
    labels = table.labels[cut : cut + TEST_ROWS]
    begin = time.perf_counter()
    bundle = fit(history, seed=seed)
    trained = time.perf_counter()
    scores: dict[str, pd.Series | np.ndarray] = {
        ROWS[0]: score(bundle, recent, DELAY).anomaly_score,
        ROWS[1]: score(bundle, recent, 0).anomaly_score,
    }
    scored = time.perf_counter()
    alone = replace(bundle, detector=subset(bundle.detector, ("cae", "cae_shape")))
    scores |= {ROWS[2]: score(alone, recent, DELAY).anomaly_score, ROWS[3]: score(alone, recent, 0).anomaly_score}
    scores |= dict(zip(BASELINES, baselines(bundle.detector, history, recent), strict=True))
    buffer = period(recent.drop(columns=TIME).iloc[:, 0].ffill().fillna(0).to_numpy())
    measured = {method: vus_pr(labels, np.nan_to_num(np.asarray(s, float)), buffer) for method, s in scores.items()}
    cost = {"fit_s": trained - begin, "score_s": (scored - trained) / 2, "rows": len(recent)}
    return {"series": name, "collection": collection, "channels": bundle.detector.channels, **measured, **cost}


def subset(detector: Detector, names: tuple[str, ...]) -> Detector:
    """Returns the detector with some of its members only; its limit is meaningless, its ranking is not."""
    keep, columns, k = [], list[int](), 0
    for member in detector.members:
        if member.name in names:
            keep.append(member)
            columns += range(k, k + len(member.outputs))
        k += len(member.outputs)
    fusion = detector.fusion
    part = replace(fusion, norm=fusion.norm[columns], neutral=fusion.neutral[columns], weight=fusion.weight[columns])
    return replace(detector, members=tuple(keep), fusion=part)


def baselines(detector: Detector, history: pd.DataFrame, recent: pd.DataFrame) -> list[np.ndarray]:
    """Returns the scores of the four baselines, on rows scaled as the detector scales them."""
    values = [frame.drop(columns=TIME).ffill().to_numpy(float) for frame in (history, recent)]
    learnt, judged = (np.nan_to_num(detector.scaler.transform(v)) for v in values)
    series = Series(learnt, judged)
    causal, norm = projection_error(series), window_norm(series)
    return [centred(causal, series.window), causal, centred(norm, series.window), random(series)]


def report(frame: pd.DataFrame) -> None:
    """Prints the table of means and the paired gain."""
    console, rng = Console(), np.random.default_rng(0)
    groups = {"all": frame, "univariate": frame[frame.channels == 1], "multivariate": frame[frame.channels > 1]}
    grid = Grid("VUS-PR, mean (95% interval)", *(f"{name} ({len(part)})" for name, part in groups.items()))
    for method in (*ROWS, *BASELINES):
        grid.add_row(method, *(_interval(part[method].to_numpy(), rng) for part in groups.values()))
    gains = (part[ROWS[0]] - part[BASELINES[0]] for part in groups.values())
    grid.add_row("gain over centred PCA, paired", *(_interval(gain.to_numpy(), rng) for gain in gains))
    console.print(grid)
    means = frame.groupby("collection")[[ROWS[0], ROWS[1], BASELINES[0]]].mean()
    collections = Grid("collection", "series", *means.columns)
    for name, row in means.iterrows():
        collections.add_row(str(name), str((frame.collection == name).sum()), *(f"{v:.3f}" for v in row))
    console.print(collections)
    console.print(f"per series: fit {frame.fit_s.mean():.1f} s, score {frame.score_s.mean():.1f} s (means)")


def _interval(values: np.ndarray, rng: np.random.Generator) -> str:
    if not len(values):
        return "-"
    means = rng.choice(values, (4000, len(values))).mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return f"{values.mean():.3f} ({low:.3f} to {high:.3f})"


if __name__ == "__main__":
    main()
