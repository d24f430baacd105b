"""The one loop: poll, decode, score, write, flush, and only then commit."""

import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace

from detector.errors import TooManyDeadLetters, TransactionAborted
from pipelines.clock import Clock
from pipelines.io.base import DeadLetter, Output, RawBatch, Sink, Source
from pipelines.stream.flood import DeadLetterConfig, Flood
from pipelines.stream.handover import Handover
from pipelines.stream.health import Health
from pipelines.stream.readiness import Readiness
from pipelines.stream.shards import Shards
from pipelines.telemetry import Telemetry

POLL_S = 0.5

log = logging.getLogger(__name__)


class Processor:
    """Carries records from the source to the sinks.

    Args:
        source: where records come from.
        shards: make readings of them, and results of readings.
        sinks: where results go.
        telemetry: where everything is counted.
        health: told how the loop fares.
        clock: wall time, for measurements.
        dead_letters: how many of them are taken for normal.
        handover: where a detector that is to serve is found, None if one serves for ever.
    """

    def __init__(
        self,
        source: Source,
        shards: Shards,
        sinks: Sequence[Sink],
        telemetry: Telemetry,
        health: Health,
        clock: Clock,
        dead_letters: DeadLetterConfig,
        handover: Handover | None = None,
    ) -> None:
        self._source, self._shards, self._sinks = source, shards, sinks
        self._telemetry, self._health, self._clock = telemetry, health, clock
        self._flood = Flood(dead_letters)
        self._handover = handover
        self._readiness = Readiness(health, clock)
        self._resumed = False
        self._committed = True

    def run(self, stop: threading.Event) -> None:
        """Works until the source ends or ``stop`` is set; the batch in hand is finished, flushed and committed.

        Raises:
            SourceLost: the source cannot be read any more.
            SinkUnavailable: results cannot be written; those of the batch in hand are not committed.
            TooManyDeadLetters: most of what comes cannot be read; the batch in hand is not committed.
        """
        try:
            self._loop(stop)
        except TooManyDeadLetters as error:
            self._health.halt(str(error))
            self._telemetry.halted()
            raise

    def _loop(self, stop: threading.Event) -> None:
        self._telemetry.allows(self._shards.alarms_per_row)
        self._health.ready()
        while not stop.is_set():
            self._health.beat()
            self._renew()
            batch = self._source.poll(POLL_S)
            if batch is None:
                self._finish()
                return
            self._telemetry.followed(batch, self._source.place)
            self._readiness.polled(batch)
            self._shards.follow(batch, self._source.place)
            missed = [*self._lost(batch), *self._unread(batch)]
            if len(batch) or missed:
                self._cycle(batch, missed)
            if self._committed:
                self._shards.keep()
        if self._committed:
            self._shards.finish()
        log.info("stopped on request; everything read is written and committed")

    def _renew(self) -> None:
        """Swaps the detector, if there is a new one; everything read so far is committed."""
        model = self._handover.fresh() if self._handover else None
        if model is None:
            return
        self._source.rewind()
        self._shards.renew(model, self._source.committed())
        self._telemetry.serves(model.served)
        self._telemetry.allows(model.alarms_per_row)
        log.info("bundle %s serves from now on", model.served.version)

    def _cycle(self, batch: RawBatch, missed: list[Output]) -> None:
        begin_s = self._clock.monotonic_s()
        outputs = missed
        for (decoder, engine, partition), part in self._shards.split(batch):
            again = engine.replayed(part)
            decoded = decoder.decode(part)
            read_s = self._clock.monotonic_s()
            output = self._placed(engine.push(part, decoded), partition)
            self._telemetry.replayed(again)
            self._telemetry.decoded(len(part) - again - len(output.dead_letters), output.dead_letters)
            self._telemetry.scored(output, self._clock.monotonic_s() - read_s)
            self._flood.count(len(part) - again, output.dead_letters)
            outputs.append(output)
        if batch.begun or not self._resumed:
            self._telemetry.standing(self._shards.firing())
            self._resumed = True
        self._write(outputs, begin_s)

    def _lost(self, batch: RawBatch) -> Iterator[Output]:
        """Records that were deleted before they could be read: one dead letter per gap tells of them."""
        for number, beginning in batch.begun.items():
            if lost := beginning.lost:
                first = beginning.checkpoint.positions[number].next_offset - lost
                letter = DeadLetter(number, first, "lost", f"{lost} records were deleted before they were read.", b"")
                yield self._placed(self._shards.engine(number).report([letter]), number)

    def _unread(self, batch: RawBatch) -> Iterator[Output]:
        for letter in batch.unread:
            output = self._placed(self._shards.engine(letter.partition).skip([letter]), letter.partition)
            self._telemetry.decoded(0, output.dead_letters)
            yield output

    def _placed(self, output: Output, partition: int | None) -> Output:
        """Says where the results come from, in the words of people where people read them."""
        letters = []
        for letter in output.dead_letters:
            topic, number = self._source.place(letter.partition)
            letters.append(replace(letter, topic=topic, partition=number))
        return replace(output, partition=partition, version=self._shards.version, dead_letters=letters)

    def _finish(self) -> None:
        begin_s = self._clock.monotonic_s()
        output = replace(self._shards.whole().engine.finish(), version=self._shards.version)
        self._telemetry.scored(output, self._clock.monotonic_s() - begin_s)
        self._write([output], begin_s)
        log.info("the source has ended; everything is written and committed")

    def _write(self, outputs: Sequence[Output], begin_s: float) -> None:
        self._telemetry.state(self._shards.late, self._shards.series)
        letters = [letter for output in outputs for letter in output.dead_letters]
        if letters:
            log.warning(
                "%d records cannot be read, the first at %s[%d]:%d: %s",
                len(letters), letters[0].topic, letters[0].partition, letters[0].offset, letters[0].detail,
            )  # fmt: skip
        try:
            for sink in self._sinks:
                for output in outputs:
                    sink.write(output)
            for sink in self._sinks:
                sink.flush()
            self._source.commit(self._shards.checkpoint())
        except TransactionAborted as error:
            log.warning("%s Reading again.", error)
            self._telemetry.aborted()
            self._health.aborted()
            self._committed = False
            return
        self._committed = True
        self._health.committed()
        drift = self._shards.drift
        drift.committed([output.decisions for output in outputs])
        self._telemetry.drifted(drift.ratio, drift.detected)
        self._telemetry.committed(self._clock.now_s(), self._clock.monotonic_s() - begin_s)
