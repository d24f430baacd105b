"""The one loop: poll, decode, score, write, flush, and only then commit.

What makes rows of records and what scores them have a thread each: while they work on the newest records, the loop
writes and commits what came of those before them, and polls further. Everything else is the loop's, and few polls are
ever ahead of the last commit.
"""

import logging
import sys
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from detector.errors import TooManyDeadLetters, TransactionAborted
from pipelines.clock import Clock
from pipelines.io.base import DeadLetter, RawBatch, Sink, Source
from pipelines.stream.cycle import Cycle, Work, pieces
from pipelines.stream.flood import DeadLetterConfig, Flood
from pipelines.stream.handover import Handover
from pipelines.stream.health import Health
from pipelines.stream.readiness import Readiness
from pipelines.stream.shards import Shards
from pipelines.telemetry import Telemetry

POLL_S = 0.5
AHEAD_S = 0.005
"""Longest wait for records while there may be results to write."""
MOST_AHEAD = 3
"""Pieces of polls that may be scored or wait for it when another poll joins them: a slow commit lets no processor idle.
"""
SELDOM_S = 0.25
"""Shortest time from one commit to the next while more records wait than were polled: a commit takes many requests."""
SWITCH_S = 2e-4
"""How long one thread may keep another waiting: the loop and the thread that scores take turns often."""

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
        self._work = Work(shards, source, clock)
        self._reading, self._scoring = ThreadPoolExecutor(1, "decode"), ThreadPoolExecutor(1, "score")
        self._ahead: deque[Future[Cycle]] = deque()
        self._done: list[Cycle] = []
        self._committed_s = -SELDOM_S
        self._begun = self._committed = True

    def run(self, stop: threading.Event) -> None:
        """Works until the source ends or ``stop`` is set; what was polled is finished, flushed and committed.

        Raises:
            SourceLost: the source cannot be read any more.
            SinkUnavailable: results cannot be written; those of the batch in hand are not committed.
            TooManyDeadLetters: most of what comes cannot be read; the batch in hand is not committed.
        """
        before_s = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_S)
        try:
            with self._reading, self._scoring:
                self._loop(stop)
        except TooManyDeadLetters as error:
            self._health.halt(str(error))
            self._telemetry.halted()
            raise
        finally:
            sys.setswitchinterval(before_s)

    def _loop(self, stop: threading.Event) -> None:
        self._telemetry.allows(self._shards.alarms_per_row)
        self._health.ready()
        while not stop.is_set():
            self._health.beat()
            self._renew()
            batch = self._poll()
            if batch is None:
                self._settle()
                self._done.append(self._work.finish())
                self._write()
                log.info("the source has ended; everything is written and committed")
                return
            self._telemetry.followed(batch, self._source.place)
            self._readiness.polled(batch)
            self._go_on(batch)
            if self._shards.due():
                self._settle()
                if self._committed:
                    self._shards.keep()
        self._settle()
        if self._committed:
            self._shards.finish()
        log.info("stopped on request; everything read is written and committed")

    def _poll(self) -> RawBatch | None:
        """Waits for records, but no longer than until all that is ahead could be written."""
        if not self._ahead:
            return self._source.poll(POLL_S)
        while True:
            batch = self._source.poll(AHEAD_S)
            if batch is None or self._ahead[-1].done() or len(batch) or batch.begun or batch.ended or batch.unread:
                return batch

    def _go_on(self, batch: RawBatch) -> None:
        """Has the records scored, and writes meanwhile what came of those before them."""
        gone = {*batch.begun, *batch.ended}  # shards come and go only while nothing is scored
        while self._ahead and (gone or len(self._ahead) >= MOST_AHEAD or self._ahead[0].done()):
            self._done.append(self._ahead.popleft().result())
        self._done = [cycle.without(gone) for cycle in self._done]
        self._shards.follow(batch, self._source.place)
        self._begun |= bool(batch.begun)
        if len(batch) or batch.unread or any(beginning.lost for beginning in batch.begun.values()):
            for piece in pieces(batch):
                reading = self._reading.submit(self._work.read, piece, self._ahead[-1] if self._ahead else None)
                self._ahead.append(self._scoring.submit(self._work.cycle, piece, reading, self._begun))
                self._begun = False
        behind = sum(batch.waiting.values()) > len(batch) > 0
        if not behind or self._clock.monotonic_s() >= self._committed_s + SELDOM_S:
            self._write()

    def _settle(self) -> None:
        """Writes what is scored, so that nothing is ahead of the last commit."""
        self._done += [ahead.result() for ahead in self._ahead]
        self._ahead.clear()
        self._write()

    def _renew(self) -> None:
        """Swaps the detector, if there is a new one, once everything read so far is committed."""
        model = self._handover.fresh() if self._handover else None
        if model is None:
            return
        self._settle()
        self._source.rewind()
        self._shards.renew(model, self._source.committed())
        self._telemetry.serves(model.served)
        self._telemetry.allows(model.alarms_per_row)
        log.info("bundle %s serves from now on", model.served.version)

    def _write(self) -> None:
        """Writes results in order and commits them in one; if that fails, all that is ahead is forgotten too."""
        cycles, self._done = self._done, []
        if not cycles:
            return
        for cycle in cycles:
            self._count(cycle)
        outputs = [output for cycle in cycles for part in cycle.parts for output in part.outputs]
        try:
            for sink in self._sinks:
                for output in outputs:
                    sink.write(output)
            for sink in self._sinks:
                sink.flush()
            self._source.commit(cycles[-1].checkpoint)
        except TransactionAborted as error:
            log.warning("%s Reading again.", error)
            self._telemetry.aborted()
            self._health.aborted()
            self._committed = False
            for ahead in self._ahead:
                ahead.result()
            self._ahead.clear()
            return
        self._committed, self._committed_s = True, self._clock.monotonic_s()
        self._health.committed()
        drift = self._shards.drift
        drift.committed([output.decisions for output in outputs])
        self._telemetry.drifted(drift.ratio, drift.detected)
        self._telemetry.committed(self._clock.now_s(), self._clock.monotonic_s() - cycles[0].begin_s)

    def _count(self, cycle: Cycle) -> None:
        letters: list[DeadLetter] = []
        for outputs, records, again, seconds in cycle.parts:
            dead = [letter for output in outputs for letter in output.dead_letters]
            letters += dead
            self._telemetry.replayed(again)
            if records:
                self._telemetry.decoded(records - len(dead), dead)
                self._flood.count(records, dead)
            self._telemetry.scored(outputs, seconds)
        if cycle.standing is not None:
            self._telemetry.standing(cycle.standing)
        self._telemetry.state(cycle.late, cycle.series)
        if letters:
            log.warning(
                "%d records cannot be read, the first at %s[%d]:%d: %s",
                len(letters), letters[0].topic, letters[0].partition, letters[0].offset, letters[0].detail,
            )  # fmt: skip
