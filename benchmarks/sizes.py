"""How small one convolutional autoencoder may be: quality on labelled series and time per window, size by size.

    RECONWATCH_DATA=... python -m benchmarks.sizes [--out out/sizes.csv] [--seed 0] [--sizes "16 relu" "12 relu"]

The series and their rows are those of benchmarks.variants, the training is the default one, and every detector is one
autoencoder that judges the newest 8 rows of every 8th window; the fused default stands beside them. The labels are read
last. Differences from the first size are paired by series. One line per series and size goes to ``--out``; what stands
there already is not computed again. Times are of the graph that serves, 1,024 windows of 64 rows and eight channels at
a time on one thread.
"""

import argparse
import csv
import os
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from rich.console import Console
from rich.progress import track

from benchmarks.engines import NEWEST_ROWS, WINDOWS, seconds
from benchmarks.variants import SERIES, series
from detector.api import DELAY, fit, score
from detector.engines.export import engine_of
from detector.errors import ReconwatchError
from detector.evaluation.vus import period, vus_pr
from detector.members.presets import single
from detector.models.backbones.base import Shape
from detector.models.backbones.conv1d import Conv1dBackbone
from detector.models.base import Autoencoder
from detector.models.initialise import initialise
from detector.models.variants.deep import DeepConfig
from detector.models.variants.denoising import DenoisingConfig
from detector.models.variants.table import VariantConfig
from pipelines.io.frames import TIME

WHOLE, NATIVE = DeepConfig(), DeepConfig(code_size=None)
MASKED = DenoisingConfig(noise_sd=0.3, holes_ratio=0.5)
SIZES: dict[str, tuple[VariantConfig, Conv1dBackbone]] = {
    "48 gelu, code of 16": (WHOLE, Conv1dBackbone()),
    "16 relu, code of 16": (WHOLE, Conv1dBackbone(width=16, activation="relu")),
    "48 gelu": (NATIVE, Conv1dBackbone()),
    "48 relu": (NATIVE, Conv1dBackbone(activation="relu")),
    "32 relu": (NATIVE, Conv1dBackbone(width=32, activation="relu")),
    "24 relu": (NATIVE, Conv1dBackbone(width=24, activation="relu")),
    "16 gelu": (NATIVE, Conv1dBackbone(width=16)),
    "16 relu": (NATIVE, Conv1dBackbone(width=16, activation="relu")),
    "16 relu, causal": (NATIVE, Conv1dBackbone(width=16, activation="relu", causal=True)),
    "12 relu": (NATIVE, Conv1dBackbone(width=12, activation="relu")),
    "8 relu": (NATIVE, Conv1dBackbone(width=8, activation="relu")),
    "16 relu, depth 2": (NATIVE, Conv1dBackbone(width=16, activation="relu", depth=2)),
    "48 gelu, denoising": (MASKED, Conv1dBackbone()),
    "16 relu, denoising": (MASKED, Conv1dBackbone(width=16, activation="relu")),
}
AUTO = "auto"
COLUMNS = ("series", "size", "channels", "delayed", "causal", "fit_s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("RECONWATCH_DATA"))
    parser.add_argument("--series", type=Path, default=SERIES, help="file of COLLECTION/ID lines")
    parser.add_argument("--out", type=Path, default=Path("out/sizes.csv"), help="figures, one line per series and size")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sizes", nargs="+", default=[*SIZES, AUTO], metavar="SIZE", help="the first is compared with")
    parser.add_argument("--quick", action="store_true", help="times only")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.quick or arguments.data is None or not arguments.data.is_dir():
        print("sizes: no quality without a data folder; name it with --data or RECONWATCH_DATA.", file=sys.stderr)
        print(*(f"{size}: {cost:.2f} us a window" for size, cost in costs(arguments.sizes).items()), sep="\n")
        return
    names = arguments.series.read_text().split()
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    found = pd.read_csv(arguments.out) if arguments.out.exists() else pd.DataFrame(columns=COLUMNS)
    with arguments.out.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if found.empty:
            writer.writeheader()
        for name in track(names, "series", console=Console(stderr=True), transient=True):
            wanted = [size for size in arguments.sizes if size not in set(found["size"][found["series"] == name])]
            writer.writerows(measured(arguments.data, name, wanted, arguments.seed))
            file.flush()
    report(pd.read_csv(arguments.out), arguments.sizes)


def measured(data: Path, name: str, wanted: list[str], seed: int) -> list[dict[str, object]]:
    """Returns the VUS-PR of sizes on one series; nothing where it is too short to learn from."""
    history, recent, labels = series(data, name)
    buffer = period(recent.drop(columns=TIME).iloc[:, 0].ffill().fillna(0).to_numpy())
    rows = []
    for size in wanted:
        begin = time.perf_counter()
        try:
            bundle = fit(history, None if size == AUTO else single(*SIZES[size]), seed)
        except ReconwatchError as error:
            print(f"left out: {name}, because of {size}: {error}", file=sys.stderr)
            return []
        row: dict[str, object] = {"series": name, "size": size, "channels": bundle.detector.channels}
        row["fit_s"] = time.perf_counter() - begin
        for column, delay in (("delayed", DELAY), ("causal", 0)):
            row[column] = vus_pr(labels, np.nan_to_num(score(bundle, recent, delay).anomaly_score.to_numpy()), buffer)
        rows.append(row)
    return rows


def costs(sizes: list[str], turns: int = 9) -> dict[str, float]:
    """Returns the microseconds that the newest rows of a window take, by size: medians of interleaved turns."""
    sizes = [size for size in sizes if size != AUTO]
    engines = [engine_of(untrained(*SIZES[size]), WINDOWS[:64], NEWEST_ROWS) for size in sizes]
    runs = [partial(engine.newest, rows=NEWEST_ROWS) for engine in engines]
    found = np.array([[seconds(run, WINDOWS, 0.05) for run in runs] for _ in range(turns)])
    return dict(zip(sizes, 1e6 * np.median(found, axis=0) / len(WINDOWS), strict=True))


def untrained(variant: VariantConfig, backbone: Conv1dBackbone) -> Autoencoder:
    """Returns a network with its first weights; speed does not depend on them."""
    model = variant.build(Shape(*WINDOWS.shape[1:]), backbone)
    initialise(model, torch.Generator().manual_seed(0))
    return model.requires_grad_(False).eval()


def report(found: pd.DataFrame, sizes: list[str]) -> None:
    """Prints means and paired differences from the first size with 95% intervals, as Markdown."""
    delayed, causal = (
        found.pivot_table(index="series", columns="size", values=value).dropna() for value in ("delayed", "causal")
    )
    print(f"| {len(delayed)} series | us a window | VUS-PR | minus the first | causal | minus the first | fit, s |")
    print("|---|---|---|---|---|---|---|")
    first, times = sizes[0], costs(sizes)
    for size in sizes:
        cells = [f"{times[size]:.2f}" if size in times else ""]
        for table in (delayed, causal):
            cells += [f"{table[size].mean():.3f}", _interval(table[size] - table[first])]
        print(f"| {size} | {' | '.join(cells)} | {found[found['size'] == size].fit_s.median():.1f} |")


def _interval(values: pd.Series) -> str:
    means = np.random.default_rng(0).choice(values.to_numpy(), (4000, len(values))).mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return f"{values.mean():+.3f} ({low:+.3f} to {high:+.3f})"


if __name__ == "__main__":
    main()
