"""Which decoder and engine a record goes to: one pair for all partitions, or one for each."""

import itertools
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from detector.alerting.alert import Alert
from detector.errors import DataError
from pipelines.io.base import Beginning, Checkpoint, Decoder, Place, RawBatch
from pipelines.stream.drift import DriftWatch
from pipelines.stream.engine import Engine
from pipelines.stream.snapshot import Origin
from pipelines.stream.snapshots import Snapshots
from pipelines.telemetry import Served


class Shard(NamedTuple):
    """A part of the stream that depends on nothing outside it.

    Attributes:
        decoder: reads its records.
        engine: holds all state.
        partition: the only one it reads, None if it reads all.
    """

    decoder: Decoder
    engine: Engine
    partition: int | None


class Model(NamedTuple):
    """A detector, ready to serve.

    Attributes:
        served: what is told of it.
        alarms_per_row: that its limit allows, None where the limit was set without a budget.
        drift: tells when its scores are not what they were.
        settings: hash of the settings that shape the state of its engines.
        shard: builds decoder and engine for a checkpoint.
    """

    served: Served
    alarms_per_row: float | None
    drift: DriftWatch
    settings: str
    shard: Callable[[Checkpoint], tuple[Decoder, Engine]]


class Shards:
    """The shards of this process.

    A source that never tells that a partition begins is one shard. Otherwise every partition is one, so that its
    results depend on its records alone, whatever else this process reads, and it can move to another process.

    Args:
        model: serves.
        committed: where a source that is one shard was stopped.
        snapshots: of shards that read one partition; None if there are none.
    """

    def __init__(self, model: Model, committed: Checkpoint, snapshots: Snapshots | None = None) -> None:
        self._model, self._committed, self._snapshots = model, committed, snapshots
        self._shards: dict[int | None, Shard] = {}
        self._late_before = 0

    @property
    def version(self) -> str:
        """Of the bundle that serves."""
        return self._model.served.version

    @property
    def alarms_per_row(self) -> float | None:
        """Budget of the bundle that serves, None where it has none."""
        return self._model.alarms_per_row

    @property
    def drift(self) -> DriftWatch:
        """Of the bundle that serves."""
        return self._model.drift

    @property
    def late(self) -> int:
        """Readings that came too late since the start, of all shards there have been."""
        return self._late_before + sum(shard.engine.late for shard in self._shards.values())

    @property
    def series(self) -> int:
        """Series with state, of all shards."""
        return sum(shard.engine.series for shard in self._shards.values())

    def firing(self) -> list[Alert]:
        """Alerts that are firing, of all shards."""
        return [alert for shard in self._shards.values() for alert in shard.engine.firing()]

    def renew(self, model: Model, committed: Checkpoint) -> None:
        """Lets another detector serve: all state is forgotten and built from the records that come again."""
        self._late_before = self.late
        self._shards = {}
        self._model, self._committed = model, committed

    def follow(self, batch: RawBatch, place: Callable[[int], Place]) -> None:
        """Forgets partitions that ended and prepares for those that begin; ``place`` names partitions."""
        for partition in {*batch.ended, *batch.begun} & self._shards.keys():
            self._late_before += self._shards.pop(partition).engine.late
        for partition, beginning in batch.begun.items():
            self._shards[partition] = self._begun(partition, beginning, place(partition))

    def due(self) -> bool:
        """Tells whether a snapshot is to be written."""
        return self._snapshots is not None and bool(self._snapshots.due(self._engines()))

    def keep(self) -> None:
        """Has a snapshot written if one is due; called when everything is committed."""
        if self._snapshots:
            self._snapshots.keep(self._engines())

    def finish(self) -> None:
        """Has the last snapshots written; called when everything is committed."""
        if self._snapshots:
            self._snapshots.finish(self._engines())

    def split(self, batch: RawBatch) -> Iterator[tuple[Shard, RawBatch]]:
        """Gives every shard its records."""
        if None in self._shards or not self._shards:
            yield self.whole(), batch
            return
        if not len(batch):
            return
        cuts = [0, *(np.flatnonzero(np.diff(batch.partition)) + 1).tolist(), len(batch)]
        for start, stop in itertools.pairwise(cuts):
            yield self._shards[int(batch.partition[start])], batch.part(start, stop)

    def engine(self, partition: int) -> Engine:
        """Returns what holds the state of a partition."""
        return (self._shards.get(partition) or self.whole()).engine

    def whole(self) -> Shard:
        """Returns the shard of a source that is one."""
        if None not in self._shards:
            self._shards[None] = Shard(*self._model.shard(self._committed), None)
        return self._shards[None]

    def _begun(self, partition: int, beginning: Beginning, place: Place) -> Shard:
        fresh = Shard(*self._model.shard(beginning.checkpoint), partition)
        if not self._snapshots:
            return fresh
        origin = Origin(
            group=self._snapshots.group,
            topic=place.topic,
            partition=place.partition,
            lineage=beginning.lineage,
            model=self.version,
            settings=self._model.settings,
        )
        position = beginning.checkpoint.positions[partition]
        try:
            upto = self._snapshots.resume(partition, origin, position, fresh.engine)
        except DataError:  # told already
            return Shard(*self._model.shard(beginning.checkpoint), partition)
        if upto is not None:
            beginning.skip(upto)
        return fresh

    def _engines(self) -> dict[int, Engine]:
        return {partition: shard.engine for partition, shard in self._shards.items() if partition is not None}

    def checkpoint(self) -> Checkpoint:
        """Returns where a restart goes on."""
        if None in self._shards:
            return self._shards[None].engine.checkpoint()
        found = {str(partition): shard.engine.checkpoint() for partition, shard in self._shards.items()}
        positions = {p: position for one in found.values() for p, position in one.positions.items()}
        return Checkpoint(positions, {name: one.state for name, one in found.items()})
