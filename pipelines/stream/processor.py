"""The one loop: poll, decode, score, write, flush, and only then commit."""

import logging
import threading
from collections.abc import Sequence

from pipelines.clock import Clock
from pipelines.io.base import Decoder, Output, RawBatch, Sink, Source
from pipelines.stream.engine import Engine
from pipelines.stream.health import Health
from pipelines.telemetry import Telemetry

POLL_S = 0.5

log = logging.getLogger(__name__)


class Processor:
    """Carries records from the source to the sinks.

    Args:
        source: where records come from.
        decoder: makes readings of them.
        engine: makes results of readings.
        sinks: where results go.
        telemetry: where everything is counted.
        health: told how the loop fares.
        clock: wall time, for measurements.
    """

    def __init__(
        self,
        source: Source,
        decoder: Decoder,
        engine: Engine,
        sinks: Sequence[Sink],
        telemetry: Telemetry,
        health: Health,
        clock: Clock,
    ) -> None:
        self._source, self._decoder, self._engine, self._sinks = source, decoder, engine, sinks
        self._telemetry, self._health, self._clock = telemetry, health, clock

    def run(self, stop: threading.Event) -> None:
        """Works until the source ends or ``stop`` is set; the batch in hand is finished, flushed and committed.

        Raises:
            SourceLost: the source cannot be read any more.
            SinkUnavailable: results cannot be written; those of the batch in hand are not committed.
        """
        self._health.ready()
        while not stop.is_set():
            self._health.beat()
            batch = self._source.poll(POLL_S)
            if batch is None:
                self._finish()
                return
            if len(batch):
                self._cycle(batch)
        log.info("stopped on request; everything read is written and committed")

    def _cycle(self, batch: RawBatch) -> None:
        begin_s = self._clock.monotonic_s()
        again = self._engine.replayed(batch)
        decoded = self._decoder.decode(batch)
        read_s = self._clock.monotonic_s()
        output = self._engine.push(batch, decoded)
        self._telemetry.replayed(again)
        self._telemetry.decoded(len(batch) - again - len(output.dead_letters), output.dead_letters)
        self._write(output, read_s, begin_s)

    def _finish(self) -> None:
        begin_s = self._clock.monotonic_s()
        self._write(self._engine.finish(), begin_s, begin_s)
        log.info("the source has ended; everything is written and committed")

    def _write(self, output: Output, read_s: float, begin_s: float) -> None:
        scored_s = self._clock.monotonic_s() - read_s
        self._telemetry.scored(output, self._engine.late, self._engine.series, scored_s)
        if output.dead_letters:
            letter = output.dead_letters[0]
            log.warning(
                "%d records cannot be read, the first at %d:%d: %s",
                len(output.dead_letters), letter.partition, letter.offset, letter.detail,
            )  # fmt: skip
        for sink in self._sinks:
            sink.write(output)
        for sink in self._sinks:
            sink.flush()
        self._source.commit(self._engine.checkpoint())
        self._telemetry.committed(self._clock.now_s(), self._clock.monotonic_s() - begin_s)
