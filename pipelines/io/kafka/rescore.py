"""A stretch of the log as a source: read by a reader of its own, scored into a topic of its own, once.

What the live group has read and committed is neither asked nor changed. The stretch has a group of its own name for
its positions, so that a run that was interrupted goes on where it stopped, and no member ever joins it.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any

import numpy as np
from kafka import TopicPartition

from detector.errors import ConfigError
from pipelines.clock import Clock
from pipelines.io.base import Checkpoint, Position, RawBatch
from pipelines.io.kafka.config import KafkaConfig
from pipelines.io.kafka.source import KafkaSource
from pipelines.io.kafka.span import Span
from pipelines.io.kafka.unpacking import Records


class Stretch(KafkaSource):
    """Reads spans of partitions and then says so.

    Args:
        config: of the live source.
        clock: wall time.
        spans: what to read.
        topic: where results go; it must hold nothing but what an earlier run of the same stretch wrote.
        version: of the bundle; another one is another stretch.
        progress: told the share done.

    Raises:
        ConfigError: the topic holds other records.
    """

    def __init__(
        self,
        config: KafkaConfig,
        clock: Clock,
        spans: Mapping[TopicPartition, Span],
        topic: str,
        version: str,
        progress: Callable[[float], None],
    ) -> None:
        self._spans, self._target, self._progress = spans, topic, progress
        self.finished = threading.Event()
        begins = sorted((at.topic, at.partition, span.begin) for at, span in spans.items())
        name = f"{config.group}-backfill-{sha256(repr((topic, version, begins)).encode()).hexdigest()[:12]}"
        own = {
            "group": name,
            "instance": "rescore",  # of the transactions only: no member, no membership
            "state_topic": None,
            "consumer": {**config.consumer, "group_instance_id": None},
        }
        super().__init__(config.model_copy(update=own), clock)

    def poll(self, timeout_s: float) -> RawBatch | None:
        """Returns the next records of the spans."""
        batch = super().poll(timeout_s)
        if batch is not None and not len(batch):
            self._look()
        return batch

    def commit(self, checkpoint: Checkpoint) -> None:
        """Ends the transaction; ``finished`` is set when it was the last one.

        Raises:
            TransactionAborted: it failed, or nobody knows; the records come again.
        """
        super().commit(checkpoint)
        self._look()

    def _look(self) -> None:
        """Looks how far reading has come; everything read is committed."""
        if len(self._owned) < len(self._spans):
            return
        at = {place: min(self._reader.position(place), span.end) for place, span in self._spans.items()}
        left = sum(span.end - at[place] for place, span in self._spans.items())
        self._progress(1 - left / sum(span.end - span.rewind for span in self._spans.values()))
        if not left:
            self.finished.set()

    def _join(self) -> None:
        timeout_s = self._config.transaction_timeout_s
        if not any(self._reader.stored(at, timeout_s) for at in self._spans):
            ends = self._reader.ends(self._reader.partitions(self._target), timeout_s)
            if any(ends.values()):
                raise ConfigError(f"topic {self._target} holds records of something else; name a new one.")
        self._reader.assign(list(self._spans))
        self._assigned(list(self._spans))

    def _first(self, at: Any, held: range) -> Position:
        return Position(self._spans[at].begin, max(held.start, self._spans[at].rewind))

    def _batch(self, found: Mapping[Any, Sequence[Records]]) -> RawBatch:
        within = {}
        for at, parts in found.items():
            ends = [int(np.searchsorted(part.offset, self._spans[at].end)) for part in parts]
            within[at] = [part.part(0, end) for part, end in zip(parts, ends, strict=True) if end]
        return super()._batch({at: parts for at, parts in within.items() if parts})
