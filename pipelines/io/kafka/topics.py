"""Creates the topics that a configuration names, and tells how far a group has come."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from kafka import KafkaAdminClient, TopicPartition
from kafka.errors import TopicAlreadyExistsError

from pipelines.io.kafka.access import options as access
from pipelines.io.kafka.config import KafkaConfig, KafkaSinkConfig
from pipelines.io.kafka.failures import errors
from pipelines.io.kafka.reader import Reader

FOREVER_MS = -1
"""Records carry event times, and Kafka deletes by the time that a record carries: old data would vanish at once."""
STAMPED = {"message.timestamp.type": "LogAppendTime"}
"""The broker's clock tells when a result was written: Kafka refuses records of a machine whose clock is ahead."""


class Topic(NamedTuple):
    """A topic to create.

    Attributes:
        name: of it.
        partitions: how many.
        settings: of the broker, by name.
    """

    name: str
    partitions: int
    settings: dict[str, str]


class Lag(NamedTuple):
    """How far a group is behind in one partition.

    Attributes:
        topic: of the partition.
        partition: its number.
        committed: next record to be scored, None if the group has committed nothing.
        end: next record to be written.
    """

    topic: str
    partition: int
    committed: int | None
    end: int

    @property
    def records(self) -> int:
        """Records that wait."""
        return self.end - (self.committed or 0)


def wanted(source: KafkaConfig, sinks: Iterable[Any], partitions: int, retention_h: float | None) -> list[Topic]:
    """Returns the topics that a configuration needs.

    Args:
        source: its source.
        sinks: its sinks; those that are not Kafka need none.
        partitions: of every topic, so that the results of a partition find theirs.
        retention_h: hours that records are kept, None for ever.
    """
    kept = {"retention.ms": str(FOREVER_MS if retention_h is None else round(3_600_000 * retention_h))}
    topics = [Topic(name, partitions, kept) for name in source.topics]
    topics += [Topic(sink.topic, partitions, kept | STAMPED) for sink in sinks if isinstance(sink, KafkaSinkConfig)]
    if source.state_topic:
        topics.append(Topic(source.state_topic, partitions, {"cleanup.policy": "compact"} | STAMPED))
    return list({topic.name: topic for topic in topics}.values())


def create(source: KafkaConfig, topics: Iterable[Topic], replicas: int) -> dict[str, bool]:
    """Creates topics and returns which of them are new.

    Args:
        source: whose cluster it is.
        topics: to create; one that exists is left as it is.
        replicas: copies of every record, -1 for what the cluster does by default.
    """
    created = {}
    with errors("cannot create topics"):
        admin = KafkaAdminClient(**access(source.connection))
        try:
            for topic in topics:
                settings: Mapping[str, Any] = {
                    "num_partitions": topic.partitions,
                    "replication_factor": replicas,
                    "configs": topic.settings,
                }
                try:
                    admin.create_topics({topic.name: settings})
                    created[topic.name] = True
                except TopicAlreadyExistsError:
                    created[topic.name] = False
        finally:
            admin.close()
    return created


def width(source: KafkaConfig, topic: str) -> int:
    """Returns how many partitions a topic has, 0 if it is absent or may not be seen."""
    reader = Reader(source.connection, {"group_id": None})
    try:
        return len(reader.partitions(topic))
    finally:
        reader.close()


def lags(source: KafkaConfig) -> list[Lag]:
    """Returns how far the group is behind, partition by partition, without joining it."""
    timeout_s = source.transaction_timeout_s
    reader = Reader(source.connection, {"group_id": source.group})
    try:
        partitions: list[TopicPartition] = [at for topic in source.topics for at in reader.partitions(topic)]
        ends = reader.ends(partitions, timeout_s)
        found = [(at, reader.stored(at, timeout_s)) for at in partitions]
        return [
            Lag(at.topic, at.partition, stored.next_offset if stored else None, ends[at].stop) for at, stored in found
        ]
    finally:
        reader.close()
