"""Topics of a real Kafka for the contracts of sources and sinks."""

import json
import time
import uuid
from collections.abc import Sequence

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.structs import OffsetAndMetadata

from pipelines.clock import SystemClock
from pipelines.io.base import Beginning, Checkpoint, Output, Position, RawBatch, Sink
from pipelines.io.kafka.config import KafkaConfig, KafkaConnection
from pipelines.io.kafka.source import KafkaSource

TIME_MS = 1_700_000_000_000
"""The timestamp of every record."""


class Topics:
    """An input, an output and a state topic of one partition each, and the group that reads.

    Args:
        kafka: bootstrap servers.
        records: of the input, all under the key "pump".
    """

    def __init__(self, kafka: str, records: Sequence[bytes] = ()) -> None:
        self._kafka, name = kafka.split(","), uuid.uuid4().hex[:8]
        self.input, self.output = f"{name}-in", f"{name}-out"
        admin = KafkaAdminClient(bootstrap_servers=self._kafka)
        one = {"num_partitions": 1, "replication_factor": 1}
        admin.create_topics(dict.fromkeys((self.input, self.output, f"{name}-state"), one))
        admin.close()
        producer = KafkaProducer(bootstrap_servers=self._kafka)
        for record in records:
            producer.send(self.input, record, b"pump", timestamp_ms=TIME_MS)
        producer.close()
        self.config = KafkaConfig(
            connection=KafkaConnection(bootstrap_servers=tuple(self._kafka)),
            topics=(self.input,),
            group=name,
            instance="one",
            state_topic=f"{name}-state",
            max_poll_records=3,
        )

    def open(self) -> KafkaSource:
        return self.config.open(SystemClock())

    def reset(self, offset: int) -> None:
        """Moves the group, as an administrator does."""
        admin = KafkaAdminClient(bootstrap_servers=self._kafka)
        at = TopicPartition(self.input, 0)
        admin.alter_group_offsets(self.config.group, {at: OffsetAndMetadata(offset, "", -1)})
        admin.close()

    def visible(self) -> list[str]:
        """The ids of alerts that a read_committed reader sees."""
        at = TopicPartition(self.output, 0)
        # A transaction is decided before its markers are written; what is behind them is waited for.
        writing = KafkaConsumer(bootstrap_servers=self._kafka)
        end = writing.end_offsets([at])[at]
        writing.close()
        consumer = KafkaConsumer(
            bootstrap_servers=self._kafka, isolation_level="read_committed", auto_offset_reset="earliest"
        )
        consumer.assign([at])
        values, begin_s = list[str](), time.monotonic()
        while consumer.position(at) < end and time.monotonic() - begin_s < 20:
            values += [json.loads(record.value)["id"] for record in consumer.poll(500).get(at, [])]
        consumer.close()
        return values


class Ending:
    """A topic as far as it is written: the contract asks about an end, which a topic has not."""

    def __init__(self, topics: Topics, count: int, committed: Checkpoint | None) -> None:
        if committed:
            before = topics.open()
            begun(before)
            before.commit(Checkpoint(committed.positions, {"0": committed.state}))
            before.close()
        self._source, self._count, self._seen = topics.open(), count, 0
        self._first = begun(self._source)

    def poll(self, timeout_s: float) -> RawBatch | None:
        if self._seen == self._count:
            return None
        batch = self._source.poll(timeout_s)
        assert batch is not None
        self._seen = max(self._seen, int(batch.offset.max(initial=-1)) + 1)
        return batch

    def committed(self) -> Checkpoint:
        """What the partition brought when it began; nothing where it was new."""
        new = {0: Position(0, 0)}
        return Checkpoint() if self._first.positions == new else self._first

    def commit(self, checkpoint: Checkpoint) -> None:
        self._source.commit(checkpoint)

    def rewind(self) -> None:
        self._seen = 0
        self._source.rewind()

    def close(self) -> None:
        self._source.close()


class Committed(Sink):
    """A topic as a sink: the flush of the contract is the commit of the transaction that the sink joined."""

    def __init__(self, source: KafkaSource, sink: Sink) -> None:
        self._source, self._sink = source, sink

    def write(self, output: Output) -> None:
        self._sink.write(output)

    def flush(self) -> None:
        self._sink.flush()
        self._source.commit(Checkpoint())

    def close(self) -> None:
        self._sink.close()
        self._source.close()


def begun(source: KafkaSource) -> Checkpoint:
    """Polls until the partition begins and returns what it brings."""
    return beginning(source).checkpoint


def beginning(source: KafkaSource) -> Beginning:
    """Polls until the partition begins and returns all that is told of it."""
    while True:
        batch = source.poll(0.1)
        assert batch is not None
        if batch.begun:
            return batch.begun[0]
