"""What comes of a piece of a poll: results by partition, and how far they go."""

import itertools
from collections.abc import Collection, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from detector.alerting.alert import Alert
from pipelines.clock import Clock
from pipelines.io.base import Checkpoint, DeadLetter, Output, RawBatch, Source
from pipelines.stream.engine import Aligned, Engine
from pipelines.stream.shards import Shards


class Part(NamedTuple):
    """Results of one partition.

    Attributes:
        outputs: the results, at least one, in order.
        records: that they came of.
        again: records read again, which gave none.
        seconds: that aligning and scoring took.
    """

    outputs: list[Output]
    records: int
    again: int
    seconds: float

    @property
    def partition(self) -> int | None:
        """Where they come from, None if from several."""
        return self.outputs[0].partition


@dataclass(frozen=True, slots=True)
class Cycle:
    """Results of a piece of a poll.

    Attributes:
        parts: results by partition.
        checkpoint: where a restart goes on once they are written.
        late: readings that came too late since the start.
        series: with state.
        begin_s: when the work began, monotonic.
        standing: alerts that are firing, where partitions began since the last poll; otherwise None.
    """

    parts: list[Part]
    checkpoint: Checkpoint
    late: int
    series: int
    begin_s: float
    standing: list[Alert] | None = None

    def without(self, partitions: Collection[int]) -> "Cycle":
        """Leaves out partitions that ended or begin anew: what came of them is not to be written."""
        if not partitions:
            return self
        positions = {p: at for p, at in self.checkpoint.positions.items() if p not in partitions}
        parts = [part for part in self.parts if part.partition not in partitions]
        return replace(self, parts=parts, checkpoint=replace(self.checkpoint, positions=positions))


class Read(NamedTuple):
    """Records of one engine, decoded and put into rows.

    Attributes:
        engine: theirs.
        partition: the only one that it reads, None if it reads all.
        aligned: what they hold.
        records: how many they are.
        seconds: that aligning took.
    """

    engine: Engine
    partition: int | None
    aligned: Aligned
    records: int
    seconds: float


PIECE_BYTES = 12 << 20
"""Of records that are decoded and scored in one go: many, so that threads seldom wait for each other, but not all of a
large poll, so that one piece is decoded while another is scored."""


class Work:
    """Makes results of records in two steps, which may be on threads of their own; nothing else touches the shards.

    Args:
        shards: make readings of records, and results of readings.
        source: says where records come from, in the words of people.
        clock: for measurements.
    """

    def __init__(self, shards: Shards, source: Source, clock: Clock) -> None:
        self._shards, self._source, self._clock = shards, source, clock
        self._releases = False

    def read(self, batch: RawBatch, before: "Future[Cycle] | None") -> list[Read]:
        """Decodes a piece of a poll and puts it into rows; others may be scored meanwhile.

        Args:
            batch: the records.
            before: results of the piece before it, None if they are there.
        """
        if self._releases and before:
            before.result()
        read = [*self._unread(batch), *self._aligned(batch)]
        self._releases = any(one.aligned.releases for one in read)
        return read

    def cycle(self, batch: RawBatch, reading: "Future[list[Read]]", begun: bool) -> Cycle:
        """Scores a piece of a poll.

        Args:
            batch: the records.
            reading: gives what they hold.
            begun: whether partitions began since the last poll.
        """
        read, begin_s = reading.result(), self._clock.monotonic_s()
        parts = [*self._lost(batch), *map(self._scored, read)]
        return self._ended(parts, begin_s, self._shards.firing() if begun else None)

    def finish(self) -> Cycle:
        """Takes the end of the input."""
        begin_s = self._clock.monotonic_s()
        output = replace(self._shards.whole().engine.finish(), version=self._shards.version)
        return self._ended([Part([output], 0, 0, self._clock.monotonic_s() - begin_s)], begin_s, None)

    def _ended(self, parts: list[Part], begin_s: float, standing: list[Alert] | None) -> Cycle:
        shards = self._shards
        return Cycle(parts, shards.checkpoint(), shards.late, shards.series, begin_s, standing)

    def _aligned(self, batch: RawBatch) -> Iterator[Read]:
        for shard, records in self._shards.split(batch):
            decoded, begin_s = shard.decoder.decode(records), self._clock.monotonic_s()
            aligned = shard.engine.align(records, decoded)
            seconds = self._clock.monotonic_s() - begin_s
            yield Read(shard.engine, shard.partition, aligned, len(records) - aligned.replayed, seconds)

    def _unread(self, batch: RawBatch) -> Iterator[Read]:
        for letter in batch.unread:
            engine = self._shards.engine(letter.partition)
            aligned = engine.skip([letter])
            yield Read(engine, letter.partition, aligned, len(aligned.letters), 0.0)

    def _scored(self, read: Read) -> Part:
        begin_s = self._clock.monotonic_s()
        outputs = [self._placed(output, read.partition) for output in read.engine.judge(read.aligned)]
        seconds = read.seconds + self._clock.monotonic_s() - begin_s
        return Part(outputs, read.records, read.aligned.replayed, seconds)

    def _lost(self, batch: RawBatch) -> Iterator[Part]:
        """Records that were deleted before they could be read: one dead letter per gap tells of them."""
        for number, beginning in batch.begun.items():
            if lost := beginning.lost:
                first = beginning.checkpoint.positions[number].next_offset - lost
                letter = DeadLetter(number, first, "lost", f"{lost} records were deleted before they were read.", b"")
                yield Part([self._placed(self._shards.engine(number).report([letter]), number)], 0, 0, 0.0)

    def _placed(self, output: Output, partition: int | None) -> Output:
        """Says where the results come from, in the words of people where people read them."""
        letters = []
        for letter in output.dead_letters:
            topic, number = self._source.place(letter.partition)
            letters.append(replace(letter, topic=topic, partition=number))
        return replace(output, partition=partition, version=self._shards.version, dead_letters=letters)


def pieces(batch: RawBatch) -> Iterator[RawBatch]:
    """Cuts the records of a poll into pieces of about ``PIECE_BYTES``, one at least; the first tells all else."""
    count = max(1, min(len(batch), round(sum(map(len, batch.records)) / PIECE_BYTES)))
    edges = np.linspace(0, len(batch), count + 1).astype(np.int64).tolist()
    for start, stop in itertools.pairwise(edges):
        piece = batch.part(start, stop)
        yield piece if start else replace(piece, begun=batch.begun, ended=batch.ended, unread=batch.unread)
