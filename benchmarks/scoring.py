"""Scoring of many series: the engine against deques and torch as it comes, in one run on one core.

python -m benchmarks.scoring [--quick]

Rows are aligned already. The plain way keeps a deque per series and runs the same trained network eagerly, on one
window at a time or on all windows of a poll; it finds scores only, no shares of channels and no p-values.
"""

import argparse
import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from time import thread_time

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import nn

from benchmarks.state import Deques
from detector.bundle import Bundle
from detector.fitting.dataset import Run
from detector.fitting.fit import fit_detector
from detector.inference import Scorer, calibrate
from detector.members.detector import Detector
from detector.members.presets import auto, single
from detector.members.reconstruction import Reconstruction
from detector.members.table import DetectorConfig
from detector.models.backbones.conv1d import Conv1dBackbone
from detector.models.variants.deep import DeepConfig
from detector.training.allocator import keep_freed_memory
from detector.types import SampleBatch
from detector.windows.schema import NS, Channel, Schema

SERIES, WINDOW, CHANNELS, POLL = 10_000, 64, 8, 8_192
FEW_SERIES, FEW_ROWS = 500, 512
HISTORY, LONGEST = 3_000, 500
CONV1D = single(DeepConfig(), Conv1dBackbone())
Work = Callable[[], object]
Push = Callable[[SampleBatch], object]


def plant() -> np.ndarray:
    """Normal values [N, F] to learn from, and to cut series out of: of whole periods, so that they go round."""
    noise = np.random.default_rng(0).normal(size=(HISTORY, CHANNELS))
    periods = np.round(HISTORY / (2 * np.pi * np.linspace(5, 40, CHANNELS)))
    return np.sin(2 * np.pi * np.arange(HISTORY)[:, None] * periods / HISTORY) + 0.1 * noise


def trained(config: DetectorConfig) -> Bundle:
    """Returns a detector of eight channels."""
    schema = Schema(channels=tuple(Channel(name=f"c{i}") for i in range(CHANNELS)))
    return fit_detector(config, schema, [Run(np.arange(HISTORY), plant())])


def network(detector: Detector) -> Reconstruction:
    """Returns the only member."""
    (member,) = detector.members
    assert isinstance(member, Reconstruction)
    return member


def every_row(detector: Detector) -> Detector:
    """Returns a detector of one autoencoder that looks at every row."""
    member = network(detector)
    return replace(detector, members=(replace(member, config=member.config.model_copy(update={"stride": 1})),))


class Polls:
    """A stream: each series has a row a second, the series in random order, each at its own phase."""

    def __init__(self, series: int) -> None:
        rng = np.random.default_rng(1)
        self._values = plant()
        self._order = rng.permutation(series).astype(np.int32)
        self._phase = rng.integers(0, HISTORY - LONGEST, series)
        self._rows = 0

    def next(self, rows: int) -> SampleBatch:
        """The next rows, aligned."""
        at = np.arange(self._rows, self._rows + rows)
        self._rows += rows
        series, step = self._order[at % len(self._order)], at // len(self._order)
        cell = step + self._phase[series]
        none = np.zeros(rows, np.int32)
        return SampleBatch(series, cell * NS, self._values[cell], cell, step == 0, none, at)


class Plain:
    """Deques and eager torch, the same network and the same score."""

    def __init__(self, detector: Detector, batched: bool) -> None:
        self._member, self._scaler, self._batched = network(detector), detector.scaler, batched
        self._deques = Deques(detector.hop)

    def fill(self, samples: SampleBatch) -> None:
        """Appends rows without scoring."""
        self._deques.update(samples, self._scaler.transform(samples.values))

    def push(self, samples: SampleBatch) -> list[float]:
        """Returns the score of every window that is due."""
        windows = self._deques.push(samples, self._scaler.transform(samples.values))
        if self._batched:
            return self._scores(np.stack(windows)).tolist() if windows else []
        return [float(self._scores(window[None])[0]) for window in windows]

    def _scores(self, windows: np.ndarray) -> np.ndarray:
        x = torch.from_numpy(windows)
        with torch.inference_mode():
            error = (self._member.model(x) - x)[:, -(self._member.config.last or 0) :].square().mean(1)
        return np.log1p(error.numpy() / self._member.logsum.scale).mean(1)


def textbook() -> nn.Module:
    """The layers of the conv1d backbone as torch offers them."""
    down = [nn.Conv1d(CHANNELS, 48, 7, 2, 3), nn.GELU(), nn.Conv1d(48, 48, 5, 2, 2), nn.GELU()]
    code = [nn.Conv1d(48, 48, 3, 2, 1), nn.GELU(), nn.Conv1d(48, 6, 1), nn.Flatten(), nn.Linear(48, 16)]
    up = [nn.Linear(16, 48), nn.Unflatten(1, (6, 8)), nn.ConvTranspose1d(6, 48, 4, 2, 1), nn.GELU()]
    last = [nn.ConvTranspose1d(48, 48, 4, 2, 1), nn.GELU(), nn.ConvTranspose1d(48, CHANNELS, 8, 2, 3)]
    return nn.Sequential(*down, *code, *up, *last)


def seconds(work: Work) -> float:
    """Processor seconds of one call."""
    began = thread_time()
    work()
    return thread_time() - began


def rates(costs: np.ndarray) -> list[str]:
    """Thousands a second by seconds each [turns, ways], then how many times faster the first is than each other."""
    ratios = [f"{np.median(costs[:, i] / costs[:, 0]):.1f}x" for i in range(1, costs.shape[1])]
    return [f"{1e-3 / cost:,.1f}" for cost in np.median(costs, axis=0)] + ratios


def networks(detector: Detector, turns: int) -> np.ndarray:
    """Seconds per window of the trained network and of the textbook one, [turns, 2]."""
    ours, plain = network(detector).model, textbook()
    windows = torch.from_numpy(np.random.default_rng(2).normal(size=(1024, WINDOW, CHANNELS)).astype(np.float32))
    works: list[Work] = [partial(ours, windows), lambda: plain(windows.transpose(1, 2)).transpose(1, 2).contiguous()]
    with torch.inference_mode():
        return np.array([[seconds(work) / len(windows) for work in works] for _ in range(turns + 2)])[2:]


def streamed(detector: Detector, series: int, turns: int, plain: bool = True) -> np.ndarray:
    """Seconds per row of the engine and of the two plain ways, windows being full, [turns, 3 or 1]."""
    scorer = Scorer(detector, calibrate(detector, 0))
    ways: list[tuple[Push, Push, int]] = [(scorer.decide, scorer.decide, POLL)]
    if plain:
        for way, rows in ((Plain(detector, True), POLL), (Plain(detector, False), FEW_ROWS)):
            ways.append((way.push, way.fill, rows))
    streams = [Polls(series) for _ in ways]
    for (_, fill, _), stream in zip(ways, streams, strict=True):
        for _ in range((detector.window + 2) * series // POLL + 1):
            fill(stream.next(POLL))
    turn = [(push, stream, rows) for (push, _, rows), stream in zip(ways, streams, strict=True)]
    return np.array([[seconds(partial(p, s.next(rows))) / rows for p, s, rows in turn] for _ in range(turns)])


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="3 turns instead of 15")
    turns = 3 if parser.parse_args().quick else 15
    keep_freed_memory()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    conv1d, whole = trained(CONV1D).detector, trained(auto(CHANNELS)).detector
    table = Table("thousands a second", "ours", "batched eager", "eager, one by one", "ratio", "ratio")
    ours, plain, ratio = rates(networks(conv1d, turns))
    table.add_row("network alone, windows (textbook layers)", ours, plain, "", ratio)
    table.add_row("conv1d, every 8th row, rows", *rates(streamed(conv1d, SERIES, turns)))
    table.add_row("conv1d, every row, rows", *rates(streamed(every_row(conv1d), SERIES, turns)))
    table.add_row("auto, rows", *rates(streamed(whole, FEW_SERIES, turns, plain=False)))
    console = Console()
    console.print(f"{SERIES:,} series ({FEW_SERIES} for auto), window {WINDOW}, {CHANNELS} channels, one core")
    console.print(table)


if __name__ == "__main__":
    main()
