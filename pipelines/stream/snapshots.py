"""Snapshots of the state on a local disk: after a restart less of the log is read again, and nothing else changes.

The log stays the truth. A snapshot only stands for records that would otherwise be read again, and is ignored wherever
it might not: it must belong to the same reading of the same log by the same detector under the same settings, and lie
between the two committed positions.
"""

import logging
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from detector.errors import ConfigError, DataError
from pipelines.clock import Clock
from pipelines.io.base import Position
from pipelines.stream.engine import Engine
from pipelines.stream.snapshot import Origin, Snapshot, load, save
from pipelines.telemetry import Telemetry

FINISH_S = 10.0
"""How long the end of the process waits for the disk."""

log = logging.getLogger(__name__)

_DIFFERS = {
    "group": "another group",
    "topic": "another topic",
    "partition": "another partition",
    "lineage": "an earlier life of the topic or group",
    "model": "another detector",
    "settings": "other settings",
}


class SnapshotConfig(BaseModel):
    """Where states are written down now and then."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path = Field(description="Folder of the snapshots, on a local disk; made if it is absent")
    every_s: float = Field(default=60.0, gt=0, description="Seconds between two snapshots of a partition")

    def open(self, group: str, telemetry: Telemetry, clock: Clock) -> "Snapshots":
        """Makes the folder and tries whether it can be written to.

        Raises:
            ConfigError: it cannot.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=self.folder).close()
        except OSError as error:
            raise ConfigError(
                f"cannot write snapshots to {self.folder}: {error.strerror}; correct snapshots.folder or its rights."
            ) from error
        return Snapshots(self, group, telemetry, clock)


class _Kept(NamedTuple):
    at_s: float
    upto: int | None


class Snapshots:
    """Gives engines the state of their partitions, and writes it down while they go on.

    Args:
        config: where, and how often.
        group: that reads.
        telemetry: told what became of each.
        clock: monotonic time, and wall time for the metric.
    """

    def __init__(self, config: SnapshotConfig, group: str, telemetry: Telemetry, clock: Clock) -> None:
        self.group = group
        self._config = config
        self._telemetry, self._clock = telemetry, clock
        self._origins: dict[int, Origin] = {}
        self._kept: dict[int, _Kept] = {}
        self._writing = threading.Thread()

    def resume(self, partition: int, origin: Origin, position: Position, engine: Engine) -> int | None:
        """Gives a fresh engine the state of its partition, if a snapshot of it can be used.

        Args:
            partition: its number in batches.
            origin: what the state must belong to.
            position: committed.
            engine: knows nothing yet.

        Returns:
            The record from which reading goes on, None where there is no snapshot.

        Raises:
            DataError: there is one that is not to be used, and the engine may know a part of it.
        """
        self._origins[partition] = origin
        self._kept[partition] = _Kept(self._clock.monotonic_s(), None)
        path = self._config.folder / origin.file_name
        try:
            found = load(path)
            if found is None:
                return None
            _check(found, origin, position)
            engine.restore(partition, found.upto, found.state)
        except DataError as error:
            log.info("the snapshot %s is not used: %s", path, error)
            self._telemetry.snapshot("refused", self._clock.now_s())
            raise
        log.info("%s[%d] goes on from a snapshot up to %d", origin.topic, origin.partition, found.upto)
        self._telemetry.snapshot("used", self._clock.now_s())
        self._kept[partition] = _Kept(self._clock.monotonic_s(), found.upto)
        return found.upto

    def due(self, engines: Mapping[int, Engine]) -> list[int]:
        """Returns the partitions whose state is to be written down, none while the one before is being written."""
        if self._writing.is_alive():
            return []
        before_s = self._clock.monotonic_s() - self._config.every_s
        due = [partition for partition, kept in self._kept.items() if partition in engines and kept.at_s <= before_s]
        return [partition for partition in due if self._changed(partition, engines[partition])]

    def keep(self, engines: Mapping[int, Engine]) -> None:
        """Begins to write down the state that has waited longest, if it is time; called when all is committed."""
        if due := self.due(engines):
            one = min(due, key=lambda partition: self._kept[partition].at_s)
            self._write(one, engines[one])

    def finish(self, engines: Mapping[int, Engine]) -> None:
        """Writes down what has changed, as long as the disk keeps up; called when all is committed."""
        deadline_s = self._clock.monotonic_s() + FINISH_S
        for partition in [partition for partition, engine in engines.items() if self._changed(partition, engine)]:
            if not self._written(deadline_s):
                break
            self._write(partition, engines[partition])
        if not self._written(deadline_s):
            log.warning("the disk is too slow for the last snapshots; the next start reads more of the log again")

    def _changed(self, partition: int, engine: Engine) -> bool:
        return engine.upto(partition) not in (None, self._kept[partition].upto)

    def _write(self, partition: int, engine: Engine) -> None:
        """Copies the state, which the loop may change again at once, and has it written by a thread."""
        upto = engine.upto(partition) or 0
        snapshot = Snapshot(self._origins[partition], upto, engine.state(partition))
        self._kept[partition] = _Kept(self._clock.monotonic_s(), upto)
        self._writing = threading.Thread(target=self._save, args=(snapshot,), name="snapshot", daemon=True)
        self._writing.start()

    def _save(self, snapshot: Snapshot) -> None:
        try:
            save(self._config.folder, snapshot)
        except (OSError, MemoryError) as error:
            log.warning(
                "no snapshot of %s[%d] in %s: %s; a restart would read more of the log again",
                snapshot.of.topic, snapshot.of.partition, self._config.folder, error,
            )  # fmt: skip
            self._telemetry.snapshot("failed", self._clock.now_s())
        else:
            self._telemetry.snapshot("written", self._clock.now_s())

    def _written(self, deadline_s: float) -> bool:
        """Waits for the thread."""
        if self._writing.is_alive():
            self._writing.join(max(0.0, deadline_s - self._clock.monotonic_s()))
        return not self._writing.is_alive()


def _check(found: Snapshot, origin: Origin, position: Position) -> None:
    for name, told in _DIFFERS.items():
        if getattr(found.of, name) != getattr(origin, name):
            raise DataError(f"it belongs to {told}")
    if not position.rewind_offset <= found.upto <= position.next_offset:
        raise DataError(
            f"it ends at {found.upto}, and is wanted between {position.rewind_offset} and {position.next_offset}"
        )
