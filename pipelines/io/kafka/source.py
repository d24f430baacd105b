"""Topics as a source: every input partition is read from where its committed results end, exactly once.

The input log is the truth about the windows. What is committed with the results of a partition is the next offset to
emit and, in its metadata, from where to read again so that the windows are as they were; and of the little state that
cannot be read again, the number of its last version (see ``state.py``). Whenever a partition is new to this process,
or a transaction failed, its state is thrown away and rebuilt from there.
"""

import logging
import secrets
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import orjson

from detector.errors import ConfigError, SourceLost, TransactionAborted
from pipelines.clock import Clock
from pipelines.io.base import NO_TIME, Beginning, Checkpoint, DeadLetter, Place, Position, RawBatch
from pipelines.io.kafka.config import KafkaConfig
from pipelines.io.kafka.failures import Damaged, OutOfRange
from pipelines.io.kafka.reader import ASSIGNORS, Reader
from pipelines.io.kafka.state import StateTopic
from pipelines.io.kafka.unpacking import Records
from pipelines.io.kafka.writer import Writer

log = logging.getLogger(__name__)

NS_PER_MS = 1_000_000
FETCH_BYTES = 4 << 20
"""Most that one answer holds of a partition: with less, a backlog of large records comes in many small polls."""


class KafkaSource:
    """Reads the partitions that the group gives to this member; keeps the transaction that results join."""

    def __init__(self, config: KafkaConfig, clock: Clock) -> None:
        self._config, self._clock = config, clock
        name = config.instance or f"{socket.gethostname()}-{np.random.default_rng().integers(1 << 40):010x}"
        static = {"group_instance_id": name} if config.instance else {}
        session_ms = round(1000 * config.session_timeout_s)
        self._heartbeat_s = min(3.0, config.session_timeout_s / 5)
        self._reader = Reader(
            config.connection,
            {
                "group_id": config.group,
                "session_timeout_ms": session_ms,
                "heartbeat_interval_ms": round(1000 * self._heartbeat_s),
                "partition_assignment_strategy": [ASSIGNORS[config.assignor]],
                "max_partition_fetch_bytes": FETCH_BYTES,
                **static,
                **config.consumer,
            },
            columns=True,
        )
        for topic in config.topics:
            if not self._reader.partitions(topic):
                raise ConfigError(f"topic {topic} does not exist, or {config.group} may not read it; create it first.")
        self._writer = Writer(
            config.connection, f"{config.group}-{name}", config.transaction_timeout_s, config.producer
        )
        self._state = StateTopic(config) if config.state_topic else None
        self._lock = threading.Lock()
        self._fresh: set[Any] = set()
        self._gone: set[Any] = set()
        self._owned: dict[Any, int] = {}  # partitions whose state is built, and their numbers in batches
        self._numbers: list[Any] = []
        self._done: dict[Any, Position] = {}
        self._lineage: dict[Any, str] = {}
        self._joined = False
        self._broken_s: float | None = None
        self._membership: Any = None
        self._join()

    def poll(self, timeout_s: float) -> RawBatch | None:
        """Returns the next committed records; partitions that begin or end are told with them."""
        if self._broken_s is not None:
            self._recover()
        records, damaged = {}, None
        try:
            records = self._reader.poll(timeout_s, self._config.max_poll_records)
        except OutOfRange:  # the log was cut while we read: begin anew, which tells what is lost
            with self._lock:
                self._fresh |= set(self._owned)
        except Damaged as error:
            damaged = error
        # Asked before it is seen what came and went: one that is too old is refused, one too new would not be.
        self._membership = self._reader.membership()
        with self._lock:
            fresh, gone = self._fresh - self._gone, self._gone
            self._fresh, self._gone = set(), set()
        ended = [self._owned.pop(at) for at in gone if at in self._owned]
        begun = {}
        for at in sorted(fresh):
            try:
                begun[self._number(at)] = self._begin(at)
                self._owned[at] = self._number(at)
            except TransactionAborted as error:
                log.warning("%s[%d] cannot begin yet: %s", at.topic, at.partition, error)
                with self._lock:
                    self._fresh.add(at)
        found = {at: part for at, part in records.items() if at in self._owned and at not in fresh}
        batch = self._batch(found)
        waiting = {number: self._reader.waiting(at) for at, number in self._owned.items() if at not in fresh}
        unread = self._passed_over(damaged) if damaged and damaged.partition not in fresh else []
        return replace(
            batch, begun=begun, ended=ended, unread=unread, waiting=waiting, assigned=self._joined and not self._fresh
        )

    def committed(self) -> Checkpoint:
        """Returns an empty checkpoint: every partition brings its own when it begins."""
        return Checkpoint()

    def commit(self, checkpoint: Checkpoint) -> None:
        """Ends the transaction: results, offsets and state become visible together or not at all.

        Raises:
            TransactionAborted: not at all, or nobody knows; the records come again.
        """
        offsets = {}
        with self._undone():
            for number, position in checkpoint.positions.items():
                at = self._numbers[number]
                if self._done.get(at) == position:
                    continue
                state = checkpoint.state.get(str(number), {})
                version = self._state.write(self._writer, at, state, position.next_offset) if self._state else 0
                noted = {"v": 1, "r": position.rewind_offset, "s": version, "l": self._lineage[at]}
                offsets[at] = (position.next_offset, orjson.dumps(noted).decode())
            self._writer.commit(offsets, self._membership)
        self._done |= {self._numbers[number]: position for number, position in checkpoint.positions.items()}

    def send(
        self, topic: str, partition: int, key: bytes | None, value: bytes, headers: Sequence[tuple[str, bytes]]
    ) -> None:
        """Adds a record to the transaction that the next commit ends.

        Raises:
            TransactionAborted: the transaction cannot go on; the records come again.
        """
        with self._undone():
            self._writer.send(topic, partition, key, value, headers)

    @property
    def largest_bytes(self) -> int:
        """Size of the largest record that ``send`` can take."""
        return self._writer.largest_bytes

    def place(self, partition: int) -> Place:
        """Returns topic and partition of a partition's number in batches."""
        at = self._numbers[partition]
        return Place(at.topic, at.partition)

    def rewind(self) -> None:
        """Lets every partition begin anew with the next poll."""
        with self._lock:
            again = set(self._owned) - self._gone
            self._fresh |= again
        self._reader.pause(list(again))

    def close(self) -> None:
        """Leaves the group."""
        self._writer.close()
        self._reader.close()
        if self._state:
            self._state.close()

    def _join(self) -> None:
        """Asks for partitions."""
        self._reader.subscribe(self._config.topics, self._config.pattern, self._assigned, self._revoked)

    def _first(self, at: Any, held: range) -> Position:
        """Returns where a partition begins of which the group has committed nothing, given what its log holds."""
        first = held.start if self._config.start == "earliest" else held.stop
        return Position(first, first)

    @contextmanager
    def _undone(self) -> Iterator[None]:
        """After a failure the next poll ends the transaction and begins every partition anew."""
        try:
            yield
        except TransactionAborted:
            self._broken_s = self._clock.monotonic_s()
            raise

    def _assigned(self, partitions: list[Any]) -> None:
        with self._lock:
            self._joined = True
            self._fresh |= set(partitions)
            self._gone -= set(partitions)

    def _revoked(self, partitions: list[Any]) -> None:
        with self._lock:
            self._gone |= set(partitions)
            self._fresh -= set(partitions)

    def _begin(self, at: Any) -> Beginning:
        """Sets the position of a partition and returns what its state is to be built from."""
        timeout_s = self._config.transaction_timeout_s
        stored = self._reader.stored(at, timeout_s)
        held = self._reader.ends([at], timeout_s)[at]
        number = self._number(at)
        self._done.pop(at, None)
        self._lineage[at] = secrets.token_hex(6)
        skip = partial(self._reader.start, at)
        if stored is None:
            first = self._first(at, held)
            skip(first.rewind_offset)
            return Beginning(Checkpoint({number: first}), 0, self._lineage[at], skip)
        noted = orjson.loads(stored.metadata) if stored.metadata.startswith("{") else {}
        if stored.next_offset > held.stop:
            raise SourceLost(
                f"{at.topic}[{at.partition}] ends at {held.stop}, but group {self._config.group} has read up to "
                f"{stored.next_offset}: the log was cut or made anew; reset the offsets of the group or use another."
            )
        lost = max(0, held.start - stored.next_offset)
        emit = stored.next_offset + lost
        rewind = max(min(noted.get("r", emit), emit), held.start, emit - self._config.max_rewind_records)
        state = self._state.read(at, noted.get("s", 0), timeout_s) if self._state else {}
        skip(rewind)
        log.info("%s[%d] begins at %d, windows from %d on", at.topic, at.partition, emit, rewind)
        if lost:
            log.error(
                "%s[%d]: %d records were deleted before they were read; raise the topic's retention",
                at.topic, at.partition, lost,
            )  # fmt: skip
        elif "l" in noted:
            self._lineage[at] = str(noted["l"])
        return Beginning(Checkpoint({number: Position(emit, rewind)}, state), lost, self._lineage[at], skip)

    def _recover(self) -> None:
        """Ends the failed transaction and lets every partition begin anew."""
        began_s = self._broken_s or 0.0
        while True:
            try:
                self._writer.recover()
                break
            except TransactionAborted as error:
                if self._clock.monotonic_s() - began_s > self._config.recovery_timeout_s:
                    raise
                log.warning("%s Trying again.", error)
                self._clock.sleep(0.5)
        self._clock.sleep(self._heartbeat_s)  # a stale generation is noticed with the next heartbeat
        self.rewind()
        self._broken_s = None

    def _number(self, at: Any) -> int:
        if at not in self._numbers:
            self._numbers.append(at)
        return self._numbers.index(at)

    def _passed_over(self, damaged: Damaged) -> list[DeadLetter]:
        """Reads on behind a record that cannot be unpacked, and tells of it."""
        at, offset = damaged.partition, damaged.offset
        if at not in self._owned:
            return []
        self._reader.start(at, offset + 1)
        detail = f"The record cannot be taken out of the log: {damaged}."
        return [DeadLetter(self._owned[at], offset, "damaged", detail, b"")]

    def _batch(self, found: Mapping[Any, Sequence[Records]]) -> RawBatch:
        parts = [part for parts in found.values() for part in parts]
        counts = [sum(map(len, parts)) for parts in found.values()]
        offset, timestamp_ms = (
            np.concatenate([np.empty(0, np.int64), *(getattr(part, name) for part in parts)])
            for name in ("offset", "timestamp_ms")
        )
        return RawBatch(
            records=[value for part in parts for value in part.values],
            keys=[None if key is None else key.decode("utf-8", "replace") for part in parts for key in part.keys],
            partition=np.repeat(np.array([self._owned[at] for at in found], np.int32), counts),
            offset=offset,
            timestamp_ns=np.where(timestamp_ms < 0, NO_TIME, timestamp_ms * NS_PER_MS),
        )
