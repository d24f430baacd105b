"""The loop works a few polls ahead of its last commit: what came of them is written only where that is still wanted."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pandas as pd
import pytest

from detector.bundle import load
from detector.errors import TransactionAborted
from pipelines.clock import SystemClock
from pipelines.io.base import NO_TIME, Beginning, Checkpoint, Place, Position, RawBatch
from pipelines.io.sinks.memory import MemorySink
from pipelines.settings import Settings
from pipelines.stream.health import Health
from pipelines.telemetry import Served, Telemetry
from pipelines.wiring import assembled

Told = list[tuple[int, int]]
"""Partition and number of rows of everything written, in order."""


class Scripted:
    """A source of several partitions that gives what it was told to, and then nothing more.

    Args:
        polls: to be given.
        again: polls to be given instead once the first commit has failed; without them none fails.
    """

    def __init__(self, polls: list[RawBatch], again: list[RawBatch] | None = None) -> None:
        self._polls, self._again = iter(polls), again
        self.commits: list[dict[int, int]] = []
        self.stop = threading.Event()

    def poll(self, timeout_s: float) -> RawBatch | None:
        batch = next(self._polls, None)
        if batch is not None:
            return batch
        time.sleep(timeout_s)
        return records({})

    def committed(self) -> Checkpoint:
        return Checkpoint()

    def commit(self, checkpoint: Checkpoint) -> None:
        self.commits.append({number: at.next_offset for number, at in checkpoint.positions.items()})
        if self._again is not None:
            self._polls, self._again = iter(self._again), None
            raise TransactionAborted("the broker refused.")

    def rewind(self) -> None:
        pass

    def place(self, partition: int) -> Place:
        return Place("readings", partition)

    def close(self) -> None:
        pass


def records(parts: dict[int, list[tuple[int, bytes]]]) -> RawBatch:
    """Returns a poll of offsets and values by partition."""
    rows = [(partition, offset, value) for partition, part in parts.items() for offset, value in part]
    return RawBatch(
        records=[value for *_, value in rows],
        keys=["pump"] * len(rows),
        partition=np.array([partition for partition, *_ in rows], np.int32),
        offset=np.array([offset for _, offset, _ in rows], np.int64),
        timestamp_ns=np.full(len(rows), NO_TIME, np.int64),
    )


def begins(*partitions: int) -> dict[int, Beginning]:
    return {p: Beginning(Checkpoint({p: Position(0, 0)}), 0, "line", lambda _: None) for p in partitions}


@pytest.fixture(scope="module")
def log(calm: Callable[[int, int], pd.DataFrame]) -> list[tuple[int, bytes]]:
    return [*enumerate(orjson.dumps(row) for row in calm(60, 1).to_dict("records"))]


@pytest.fixture
def run(bundle: Path) -> Callable[[Scripted, dict[int, int]], Told]:
    """Runs the loop until that much is committed."""

    def go(source: Scripted, end: dict[int, int]) -> Told:
        tree = {"detector": {"bundle": str(bundle)}, "source": {"kind": "memory"}, "scoring": {"delay": 0}}
        sink, clock, telemetry = MemorySink(), SystemClock(), Telemetry("readings", "d", Served("1"))
        loop = assembled(Settings.model_validate(tree), load(bundle), source, [sink], telemetry, Health(clock), clock)
        thread = threading.Thread(target=loop.run, args=(source.stop,))
        thread.start()
        deadline_s = time.monotonic() + 60
        while source.commits[-1:] != [end] and thread.is_alive() and time.monotonic() < deadline_s:
            time.sleep(0.01)
        source.stop.set()
        thread.join(60)
        assert not thread.is_alive()
        return [(output.partition or 0, len(output.decisions)) for output in sink.outputs if len(output.decisions)]

    return go


def test_results_are_written_without_waiting_for_further_records(run: Callable, log: list) -> None:
    source = Scripted([replace(records({}), begun=begins(0)), records({0: log[:40]})])
    assert run(source, {0: 40}) == [(0, 40)]
    assert source.commits == [{0: 40}]


def test_what_came_of_a_partition_that_ended_meanwhile_is_not_written(run: Callable, log: list) -> None:
    both = {0: log[:30], 1: log[:20]}
    source = Scripted([replace(records({}), begun=begins(0, 1)), records(both), replace(records({}), ended=[1])])
    assert run(source, {0: 30}) == [(0, 30)]
    assert source.commits == [{0: 30}]


def test_what_came_of_a_partition_that_began_anew_is_written_once(run: Callable, log: list) -> None:
    polls = [replace(records({}), begun=begins(0, 1)), records({0: log[:30], 1: log[:20]})]
    polls += [replace(records({0: log[30:]}), begun=begins(1)), records({1: log[:25]})]
    source = Scripted(polls)
    assert run(source, {0: 60, 1: 25}) == [(0, 30), (0, 30), (1, 25)]
    first, *others = source.commits
    assert first == {0: 30}
    assert others in ([{0: 60, 1: 25}], [{0: 60, 1: 0}, {0: 60, 1: 25}])  # polls may be committed in one


def test_after_a_failed_commit_the_polls_ahead_are_thrown_away(run: Callable, log: list) -> None:
    polls = [replace(records({}), begun=begins(0)), records({0: log[:30]})]
    polls += [records({0: log[at : at + 10]}) for at in (30, 40, 50)]
    again = [replace(records({}), begun=begins(0)), records({0: log[:50]}), records({0: log[50:]})]
    source = Scripted(polls, again)
    written = run(source, {0: 60})
    again_at = written.index((0, 50))
    assert written[again_at:] == [(0, 50), (0, 10)]
    assert sum(rows for _, rows in written[:again_at]) == source.commits[0][0]
