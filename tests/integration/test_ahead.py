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
from pipelines.io.base import NO_TIME, Beginning, Checkpoint, Output, Place, Position, RawBatch
from pipelines.io.sinks.memory import MemorySink
from pipelines.settings import Settings
from pipelines.stream.engine import Aligned, Engine
from pipelines.stream.health import Health
from pipelines.stream.processor import SELDOM_S
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
        self.times_s: list[float] = []
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
        self.times_s.append(time.monotonic())
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
def outputs(bundle: Path) -> Callable[..., list[Output]]:
    """Runs the loop until that much is committed, with further sections of the configuration."""

    def go(source: Scripted, end: dict[int, int], **sections: object) -> list[Output]:
        tree = {"detector": {"bundle": str(bundle)}, "source": {"kind": "memory"}, "scoring": {"delay": 0}, **sections}
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
        return list(sink.outputs)

    return go


@pytest.fixture
def run(outputs: Callable[..., list[Output]]) -> Callable[[Scripted, dict[int, int]], Told]:
    """Runs the loop until that much is committed."""

    def go(source: Scripted, end: dict[int, int]) -> Told:
        found = outputs(source, end)
        return [(output.partition or 0, len(output.decisions)) for output in found if len(output.decisions)]

    return go


@pytest.fixture
def slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets scoring fall behind what makes rows."""
    judge = Engine.judge

    def late(engine: Engine, aligned: Aligned) -> list[Output]:
        time.sleep(0.02)
        return judge(engine, aligned)

    monkeypatch.setattr(Engine, "judge", late)


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


@pytest.mark.usefixtures("slowly")
def test_names_given_back_and_taken_again_do_not_mix_while_rows_are_made_ahead(outputs: Callable, log: list) -> None:
    # One falls silent, comes back for a moment and falls silent again; another begins later; a third never pauses.
    first_s, second_s = (orjson.loads(log[at][1])["timestamp"] for at in (0, 1))
    spoken = [("first", range(20)), ("second", range(36, 60)), ("third", range(60)), ("first", range(33, 34))]
    said = sorted((at, place, key) for place, (key, times) in enumerate(spoken) for at in times)
    batch = records({0: [(offset, log[at][1]) for offset, (at, *_) in enumerate(said)]})
    batch = replace(batch, keys=[key for *_, key in said])

    def told(size: int) -> list[tuple[str, int, float]]:
        polls = [batch.part(at, min(at + size, len(batch))) for at in range(0, len(batch), size)]
        source = Scripted([replace(records({}), begun=begins(0)), *polls])
        found = outputs(source, {0: len(batch)}, align={"evict_after_s": 10 * (second_s - first_s)})
        assert [key for output in found for key in output.silent] == ["first", "first"]
        return [
            row
            for output in found
            for row in zip(
                output.names.tolist(),
                output.decisions.time_ns.tolist(),
                output.decisions.anomaly_score.tolist(),
                strict=True,
            )
        ]

    apart = told(3)
    assert {name for name, *_ in apart} == {"first", "second", "third"}
    assert len(apart) == len(batch)
    assert sorted(apart, key=str) == sorted(told(len(batch)), key=str)


@pytest.mark.usefixtures("slowly")
def test_while_many_records_wait_commits_are_seldom(outputs: Callable, log: list) -> None:
    polls = [replace(records({0: log[at : at + 2]}), waiting={0: 1000}) for at in range(0, 60, 2)]
    source = Scripted([replace(records({}), begun=begins(0)), *polls])
    found = outputs(source, {0: 60})
    assert sum(len(output.decisions) for output in found) == 60
    behind_s = source.times_s[:-1]  # the last is made when nothing waits any more
    assert behind_s
    assert min(np.diff(behind_s), default=SELDOM_S) >= SELDOM_S
    assert len(source.commits) < len(polls) / 2
