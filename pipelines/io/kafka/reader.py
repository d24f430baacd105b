"""Reads the log: a consumer that commits nothing by itself."""

import logging
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.subscription_state import ConsumerRebalanceListener
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.errors import KafkaError, NoOffsetForPartitionError, UnsupportedCodecError

from pipelines.io.kafka.access import options as access
from pipelines.io.kafka.config import KafkaConnection
from pipelines.io.kafka.failures import Damaged, errors
from pipelines.io.kafka.unpacking import in_columns

log = logging.getLogger(__name__)

ASSIGNORS = {"cooperative-sticky": CooperativeStickyAssignor, "range": RangePartitionAssignor}


class Stored(NamedTuple):
    """What a group has committed for a partition."""

    next_offset: int
    metadata: str


@contextmanager
def unpacking() -> Iterator[None]:
    """Tells failures of taking records out of a batch (checksum, compression, structure) with their position.

    The client does not say where it failed, but its frame in the traceback does. ``UnsupportedCodecError`` is left as
    it is: a missing library is not the record's fault.
    """
    try:
        yield
    except UnsupportedCodecError:
        raise
    except Exception as error:
        for frame, _ in traceback.walk_tb(error.__traceback__):
            if frame.f_code.co_name == "_unpack_records":
                part = frame.f_locals["self"]
                at = max(part.next_fetch_offset, part.fetch_offset)
                raise Damaged(part.topic_partition, at, error) from error
        raise


class Reader:
    """A consumer that commits nothing by itself and reads only what is committed.

    Args:
        connection: where to read.
        options: settings of the consumer besides.
        columns: return ``Records`` and not one object per record.
    """

    def __init__(self, connection: KafkaConnection, options: Mapping[str, Any], columns: bool = False) -> None:
        with errors("cannot reach Kafka"):
            self._consumer = KafkaConsumer(
                **{
                    **access(connection),
                    "enable_auto_commit": False,
                    "isolation_level": "read_committed",
                    "auto_offset_reset": "none",
                    "allow_auto_create_topics": False,
                    "metrics_enabled": False,
                    **options,
                }
            )
        if columns:
            in_columns(self._consumer)

    def subscribe(
        self,
        topics: Sequence[str],
        pattern: str | None,
        assigned: Callable[[list[TopicPartition]], None],
        revoked: Callable[[list[TopicPartition]], None],
    ) -> None:
        """Joins the group; new partitions come paused. The callbacks run on another thread and may only note things."""
        consumer = self._consumer

        class Listener(ConsumerRebalanceListener):  # type: ignore[misc]
            def on_partitions_assigned(self, partitions: Any) -> None:
                consumer.pause(*partitions)
                assigned(list(partitions))

            def on_partitions_revoked(self, partitions: Any) -> None:
                revoked(list(partitions))

            def on_partitions_lost(self, partitions: Any) -> None:
                revoked(list(partitions))

        self._consumer.subscribe(topics=list(topics), pattern=pattern, listener=Listener())

    def assign(self, partitions: Sequence[TopicPartition]) -> None:
        """Reads these partitions, whatever a group may think."""
        self._consumer.assign(list(partitions))

    def poll(self, timeout_s: float, most: int) -> dict[TopicPartition, list[Any]]:
        """Returns records by partition.

        Raises:
            OutOfRange: a partition was to be read where its log is no more.
            Damaged: a record cannot be unpacked; unless reading goes on behind it, the next poll never returns.
            SourceLost: Kafka refuses to serve.
        """
        try:
            with errors("cannot read from Kafka"), unpacking():
                return self._consumer.poll(timeout_ms=round(1000 * timeout_s), max_records=most)
        except NoOffsetForPartitionError:
            return {}  # a new partition, whose position we are about to set

    def stored(self, partition: TopicPartition, timeout_s: float) -> Stored | None:
        """Returns what the group has committed, once every transaction about it has ended.

        Raises:
            TransactionAborted: no answer came in time.
        """
        with errors("cannot read the committed offsets", aborted=True):
            timeout_ms = round(1000 * timeout_s)
            # The client may answer from a request that it sent before the last commit and never collected; asking
            # clears that, asking again asks Kafka.
            self._consumer.committed(partition, metadata=True, timeout_ms=timeout_ms)
            found = self._consumer.committed(partition, metadata=True, timeout_ms=timeout_ms)
        return None if found is None else Stored(found.offset, found.metadata or "")

    def ends(self, partitions: Sequence[TopicPartition], timeout_s: float) -> dict[TopicPartition, range]:
        """Returns for every partition the offsets that its log holds."""
        with errors("cannot read the offsets of the log", aborted=True):
            timeout_ms = round(1000 * timeout_s)
            first = self._consumer.beginning_offsets(list(partitions), timeout_ms=timeout_ms)
            last = self._consumer.end_offsets(list(partitions), timeout_ms=timeout_ms)
        return {partition: range(first[partition], last[partition]) for partition in partitions}

    def at_time(self, partitions: Sequence[TopicPartition], time_ms: int) -> dict[TopicPartition, int | None]:
        """Returns for every partition the offset of its first record at or after a moment, None if there is none."""
        with errors("cannot read the offsets of the log", aborted=True):
            found = self._consumer.offsets_for_times(dict.fromkeys(partitions, time_ms), timeout_ms=10_000)
        return {at: found[at].offset if found.get(at) else None for at in partitions}

    def partitions(self, topic: str) -> list[TopicPartition]:
        """Returns the partitions of a topic, none if it is absent or may not be read."""
        with errors("cannot read the topics"):
            return [TopicPartition(topic, p) for p in sorted(self._consumer.partitions_for_topic(topic) or ())]

    def start(self, partition: TopicPartition, offset: int) -> None:
        """Reads on from ``offset``."""
        self._consumer.seek(partition, offset)
        self._consumer.resume(partition)

    def pause(self, partitions: Sequence[TopicPartition]) -> None:
        """Reads these no further for now."""
        self._consumer.pause(*partitions)

    def waiting(self, partition: TopicPartition) -> int:
        """Returns how many records are known to wait behind the position."""
        end = self._consumer.highwater(partition)
        return 0 if end is None else max(0, end - self.position(partition))

    def membership(self) -> Any:
        """Returns who we are in the group now, by which Kafka tells us from our predecessors."""
        return self._consumer.group_metadata()

    def position(self, partition: TopicPartition) -> int:
        """Returns the next offset that is read."""
        return self._consumer.position(partition, timeout_ms=1_000)

    def close(self) -> None:
        """Leaves the group; whoever cannot say so is missed when the session ends."""
        try:
            self._consumer.close(autocommit=False, timeout_ms=5_000)
        except KafkaError as error:
            log.warning("left the group without a word: %s", type(error).__name__)
