"""Replay from bytes to alerts: the daemon's own loop against a deque per record and eager torch, in one run, one core.

python -m benchmarks.replay [--quick]

JSON records of many series go from a source in memory through decoder, aligner, scorer and alert policy to a sink in
memory, everything counted and committed as in the daemon. The plain way reads the same records with the same JSON
parser and gives scores of the same network, nothing else.
"""

import argparse
import os
import threading
from dataclasses import replace
from functools import partial

import numpy as np
import orjson
import torch
from rich.console import Console
from rich.table import Table

from benchmarks.scoring import CHANNELS, CONV1D, HISTORY, LONGEST, Plain, every_row, plant, rates, seconds, trained
from detector.bundle import Bundle
from detector.members.presets import auto
from detector.training.allocator import keep_freed_memory
from detector.types import SampleBatch
from detector.windows.schema import NS
from pipelines.clock import SystemClock
from pipelines.io.base import RawBatch
from pipelines.io.sinks.memory import MemorySink
from pipelines.io.sources.memory import MemorySource
from pipelines.settings import Settings
from pipelines.stream.health import Health
from pipelines.telemetry import Served, Telemetry
from pipelines.wiring import assembled

SERIES, POLL, POLLS = 1_000, 4_096, 4
SETTINGS = Settings.model_validate(
    {
        "detector": {"bundle": "-"},
        "source": {"kind": "memory"},
        "decoder": {"kind": "wide", "entity": "id"},
        "scoring": {"delay": 0},
    }
)


def records(count: int) -> list[bytes]:
    """Returns records of all series in turns, a second apart, each series at its own phase of the plant."""
    values, names = plant().round(4).tolist(), [f"c{i}" for i in range(CHANNELS)]
    phase = np.random.default_rng(1).integers(0, HISTORY - LONGEST, SERIES).tolist()
    found = []
    for step, series in (divmod(i, SERIES) for i in range(count)):
        row = dict(zip(names, values[phase[series] + step], strict=True))
        found.append(orjson.dumps({"id": f"pump-{series}", "timestamp": phase[series] + step, **row}))
    return found


class Daemon(MemorySource):
    """The loop of the daemon, which can be told how many records to take."""

    def __init__(self, bundle: Bundle, log: list[bytes], telemetry: Telemetry | None = None) -> None:
        super().__init__(log, chunk_rows=POLL)
        telemetry, clock = telemetry or Telemetry("memory", "pumps", Served(bundle.version)), SystemClock()
        self._loop = assembled(SETTINGS, bundle, self, [MemorySink()], telemetry, Health(clock), clock)
        self._stop, self._left = threading.Event(), 0

    def poll(self, timeout_s: float) -> RawBatch | None:
        """As in ``MemorySource``; asks the loop to stop with the last record wanted."""
        batch = super().poll(timeout_s)
        self._left -= len(batch or ())
        if self._left <= 0:
            self._stop.set()
        return batch

    def take(self, count: int) -> None:
        """Takes so many records, in whole polls."""
        self._stop.clear()
        self._left = count
        self._loop.run(self._stop)

    skip = take


class Loop:
    """The plain way."""

    def __init__(self, bundle: Bundle, log: list[bytes], batched: bool) -> None:
        self._scoring, self._log, self._at = Plain(bundle.detector, batched), log, 0
        self._names = bundle.detector.schema.names
        self._ids: dict[str, int] = {}

    def take(self, count: int) -> None:
        """Scores so many records."""
        for begin in range(0, count, POLL):
            self._scoring.push(self._read(min(POLL, count - begin)))

    def skip(self, count: int) -> None:
        """Fills the deques with so many records."""
        self._scoring.fill(self._read(count))

    def _read(self, count: int) -> SampleBatch:
        found = [orjson.loads(line) for line in self._log[self._at : self._at + count]]
        self._at += count
        series = np.array([self._ids.setdefault(record["id"], len(self._ids)) for record in found], np.int32)
        cell = np.array([record["timestamp"] for record in found])
        values = np.array([[record[name] for name in self._names] for record in found])
        none = np.zeros(count, np.int32)
        return SampleBatch(series, cell * NS, values, cell, none > 0, none, cell)


def measured(bundle: Bundle, log: list[bytes], turns: int, plain: bool = True) -> np.ndarray:
    """Seconds per record of the daemon and of the two plain ways, windows being full, [turns, 3 or 1]."""
    ways: list[tuple[Daemon | Loop, int]] = [(Daemon(bundle, log), POLL * POLLS)]
    if plain:
        ways += [(Loop(bundle, log, batched=True), POLL), (Loop(bundle, log, batched=False), POLL // 8)]
    full = (bundle.detector.window + 2) * SERIES
    for way, _ in ways:
        way.skip(full + -full % POLL)
    return np.array([[seconds(partial(way.take, count)) / count for way, count in ways] for _ in range(turns)])


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="3 turns instead of 11")
    turns = 3 if parser.parse_args().quick else 11
    keep_freed_memory()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    conv1d, whole = trained(CONV1D), trained(auto(CHANNELS))
    log = records((whole.detector.window + 2) * SERIES + (turns + 1) * POLL * POLLS)
    table = Table("thousands of records a second", "ours", "batched eager", "eager, one by one", "ratio", "ratio")
    table.add_row("conv1d, every 8th row", *rates(measured(conv1d, log, turns)))
    each = replace(conv1d, detector=every_row(conv1d.detector))
    table.add_row("conv1d, every row", *rates(measured(each, log, turns)))
    table.add_row("auto", *rates(measured(whole, log, turns, plain=False)))
    console = Console()
    size = np.mean([len(line) for line in log])
    console.print(f"{SERIES:,} series, {CHANNELS} channels, JSON records of {size:.0f} bytes, one core")
    console.print(table)


if __name__ == "__main__":
    main()
