"""What metrics cost: a scrape at 10 and at 10,000 series, and the loop with and without counting, in one run, one core.

python -m benchmarks.metrics [--quick]

The page is that of the daemon; beside it stands one gauge per series, as one would write it first. For the loop, JSON
records of 1,000 series go from bytes to alerts with everything counted, and with a stand-in that counts nothing.
"""

import argparse
import os
from functools import partial
from typing import Any, cast

import numpy as np
import torch
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.exposition import generate_latest
from rich.console import Console
from rich.table import Table

from benchmarks.replay import POLL, POLLS, SERIES, Daemon, records
from benchmarks.scoring import CONV1D, seconds, trained
from detector.bundle import Bundle
from detector.members.projection import ProjectionMember
from detector.members.table import DetectorConfig
from detector.training.allocator import keep_freed_memory
from detector.types import DecisionBatch
from pipelines.io.base import Output
from pipelines.telemetry import Served, Telemetry


def scored(series: int) -> CollectorRegistry:
    """Returns the page of a daemon that has decided about a row of every series."""
    telemetry = Telemetry("readings", "pumps", Served("0"))
    score = np.random.default_rng(0).random(series)
    ids, no = np.arange(series, dtype=np.int32), np.zeros(series, np.bool_)
    decisions = DecisionBatch(ids, ids.astype(np.int64), score, no, score, np.zeros((series, 1), np.float32), no)
    telemetry.scored([Output([f"pump-{i}" for i in range(series)], ("flow",), decisions)], 0.01)
    return telemetry.registry


def plain(series: int) -> CollectorRegistry:
    """Returns a page of one gauge per series, with the same scores."""
    registry = CollectorRegistry()
    gauge = Gauge("score_ratio", "Scores.", ("series",), registry=registry)
    for i, score in enumerate(np.random.default_rng(0).random(series).tolist()):
        gauge.labels(f"pump-{i}").set(score)
    return registry


class Nothing:
    """Counts nothing, whatever it is told."""

    def __getattr__(self, name: str) -> Any:
        return lambda *told, **more: None


def loops(bundle: Bundle, log: list[bytes], turns: int) -> np.ndarray:
    """Processor seconds per record with and without counting, in turns [turns, 2]."""
    ways = [Daemon(bundle, log), Daemon(bundle, log, cast(Telemetry, Nothing()))]
    full = (bundle.detector.window + 2) * SERIES
    for way in ways:
        way.take(full + -full % POLL)
    count = POLL * POLLS
    return np.array([[seconds(partial(way.take, count)) / count for way in ways] for _ in range(turns)])


def main() -> None:
    """Prints both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="3 turns instead of 15")
    turns = 3 if parser.parse_args().quick else 15
    keep_freed_memory()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    pages = Table("one scrape", "ms", "kB", "one gauge per series, ms", "kB", "ratio of time")
    for series in (10, 10_000):
        ours, theirs = scored(series), plain(series)
        times = [[seconds(partial(generate_latest, page)) for page in (ours, theirs)] for _ in range(4 * turns)]
        (mine, other), sizes = np.median(times, axis=0), [len(generate_latest(page)) / 1e3 for page in (ours, theirs)]
        cells = [f"{1e3 * mine:.2f}", f"{sizes[0]:.1f}", f"{1e3 * other:.2f}", f"{sizes[1]:.1f}"]
        pages.add_row(f"{series:,} series", *cells, f"{other / mine:.1f}x")
    console = Console()
    console.print(pages)
    log = records(66 * SERIES + (turns + 2) * POLL * POLLS)
    cost = Table("the loop, thousands of records a second", "counting", "not counting", "ratio")
    projection = DetectorConfig(members=(ProjectionMember(name="pca", window=16),))
    for name, config in (("a projection alone", projection), ("conv1d, every 8th row", CONV1D)):
        found = loops(trained(config), log, turns)
        rates = 1e-3 / np.median(found, axis=0)
        cost.add_row(name, *(f"{rate:.1f}" for rate in rates), f"{np.median(found[:, 1] / found[:, 0]):.3f}")
    console.print(cost)


if __name__ == "__main__":
    main()
