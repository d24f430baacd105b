"""State of many series: ring buffers in one array against a Python deque per series, in one run on one core.

python -m benchmarks.state [--quick]
"""

import argparse
import os
from collections import deque
from collections.abc import Callable
from time import thread_time

import numpy as np
from rich.console import Console
from rich.table import Table

from detector.training.allocator import keep_freed_memory
from detector.types import ReadingBatch, SampleBatch
from detector.windows.align import Aligner
from detector.windows.buffer import WindowBuffer
from detector.windows.schema import NS, Channel, Schema

SERIES, WINDOW, CHANNELS = 10_000, 64, 8
POLL = 2_000
Work = Callable[[SampleBatch, np.ndarray], object]


class Polls:
    """An endless stream in which each series has a row a second, the series in random order, cut into polls."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self._order = rng.permutation(SERIES).astype(np.int32)
        # Each series stands at its own place in the hop, so that windows fall due evenly.
        self._phase = rng.integers(0, WINDOW, SERIES)
        self._values = rng.normal(size=(SERIES, CHANNELS))
        self._scaled = self._values.astype(np.float32)
        self._rows = 0

    def next(self) -> tuple[SampleBatch, np.ndarray]:
        """The next poll, as aligned rows and their scaled values."""
        at = self._rows % SERIES
        series = self._order[at : at + POLL]
        cell = self._rows // SERIES + self._phase[series]
        self._rows += POLL
        start, none = np.zeros(POLL, bool), np.zeros(POLL, np.int32)
        values = self._values[at : at + POLL]
        return SampleBatch(series, cell * NS, values, cell, start, none, cell), self._scaled[at : at + POLL]


class Deques:
    """The usual way: a bounded deque of rows per series, and a stack of its rows for a window."""

    def __init__(self, hop: int) -> None:
        self._hop = hop
        self._rows: dict[int, deque[np.ndarray]] = {}

    def update(self, samples: SampleBatch, scaled: np.ndarray) -> None:
        """Appends each row."""
        for series, row in zip(samples.series.tolist(), scaled, strict=True):
            self._rows.setdefault(series, deque(maxlen=WINDOW)).append(row)

    def push(self, samples: SampleBatch, scaled: np.ndarray) -> list[np.ndarray]:
        """Appends each row and stacks the windows that are due."""
        windows = []
        for series, cell, row in zip(samples.series.tolist(), samples.cell.tolist(), scaled, strict=True):
            rows = self._rows.setdefault(series, deque(maxlen=WINDOW))
            rows.append(row)
            if cell % self._hop == 0:
                windows.append(np.stack(list(rows)))
        return windows


def seconds(work: Work, polls: Polls, count: int) -> float:
    """Processor seconds per row that ``work`` takes over some polls, making the polls left out."""
    total = 0.0
    for _ in range(count):
        poll = polls.next()
        began = thread_time()
        work(*poll)
        total += thread_time() - began
    return total / (count * POLL)


def aligned(aligner: Aligner) -> Work:
    """Alignment of wide records, for what it costs beside the state."""
    return lambda rows, _: aligner.push(
        ReadingBatch(rows.series, rows.time_ns, rows.values, rows.partition, rows.offset)
    )


def compared(name: str, ring: Work, fill: Work, plain: Work, table: Table, turns: int) -> None:
    """Adds a line of medians over interleaved turns, all rings and deques being full; ``fill`` fills the deques."""
    ring_polls, plain_polls = Polls(), Polls()
    once = SERIES // POLL
    seconds(ring, ring_polls, once * (WINDOW + 1))
    seconds(fill, plain_polls, once * (WINDOW + 1))
    pairs = [(seconds(ring, ring_polls, once * 8), seconds(plain, plain_polls, once // 2)) for _ in range(turns)]
    ours, theirs = np.median(pairs, axis=0)
    ratio = np.median([b / a for a, b in pairs])
    table.add_row(name, f"{1e-6 / ours:.2f}", f"{1e-6 / theirs:.3f}", f"{ratio:.0f}x")


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="3 turns instead of 15")
    turns = 3 if parser.parse_args().quick else 15
    keep_freed_memory()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    table = Table("", "ring, M records/s", "deque, M records/s", "ratio (median)")
    buffers = {hop: WindowBuffer(WINDOW, CHANNELS, SERIES, hop) for hop in (1, 8)}
    deques = {hop: Deques(hop) for hop in (1, 8)}
    compared("state update", buffers[1].update, deques[1].update, deques[1].update, table, turns)
    for hop, buffer in buffers.items():
        compared(f"update + window, hop {hop}", buffer.push, deques[hop].update, deques[hop].push, table, turns)
    channels = tuple(Channel(name=f"c{i}") for i in range(CHANNELS))
    aligner = Aligner(Schema(channels=channels), capacity=SERIES)
    compared("alignment (against an append)", aligned(aligner), deques[1].update, deques[1].update, table, turns)
    console = Console()
    console.print(f"{SERIES:,} series, window {WINDOW}, {CHANNELS} channels, polls of {POLL:,} records, one core")
    console.print(table)
    total = buffers[1].nbytes_per_series + aligner.nbytes_per_series
    console.print(f"idle series: {buffers[1].nbytes_per_series:,} bytes of window, {total:,} with alignment")


if __name__ == "__main__":
    main()
