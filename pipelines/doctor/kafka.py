"""Looks at Kafka: who answers, which topics are there, what we may do, and whether records can be read.

Nothing is written. What a user may do is what Kafka says of it (KIP-430); only the right to the transactional id
has to be tried, under a name that no daemon has.
"""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from kafka import KafkaAdminClient
from kafka.errors import CoordinatorNotAvailableError

from detector.errors import ReconwatchError
from pipelines.doctor.finding import Finding, failed, fine
from pipelines.io.kafka.access import options as access
from pipelines.io.kafka.config import KafkaConfig, KafkaSinkConfig
from pipelines.io.kafka.failures import errors
from pipelines.io.kafka.writer import Writer
from pipelines.settings import Settings


class Need(NamedTuple):
    """What is to be done with a topic.

    Attributes:
        operations: of Kafka, that the user must be allowed.
        follows_input: whether it needs a partition for every one of the input.
    """

    operations: tuple[str, ...]
    follows_input: bool


def examine(settings: Settings) -> Iterator[Finding]:
    """Looks at what the source and the sinks need of Kafka, without joining the group."""
    source = settings.source
    if not isinstance(source, KafkaConfig):
        return
    servers = ", ".join(source.connection.bootstrap_servers)
    try:
        with errors(f"cannot reach Kafka at {servers}"):
            admin = KafkaAdminClient(**access(source.connection))
    except ReconwatchError as error:
        yield failed("brokers", error)
        return
    try:
        yield _tried("brokers", partial(_brokers, admin))
        try:
            with errors("cannot read the topics"):
                topics = {topic["name"]: topic for topic in admin.describe_topics(list(_needs(settings, source)))}
        except ReconwatchError as error:
            yield failed("topics", error)
            return
        yield from _topics(settings, source, topics)
        yield _tried(f"group {source.group}", partial(_group, admin, source.group))
    finally:
        admin.close()
    yield _tried("transactions", partial(_transactions, source))


def _needs(settings: Settings, source: KafkaConfig) -> dict[str, Need]:
    needs = {name: Need(("READ",), False) for name in source.topics}
    needs |= {sink.topic: Need(("WRITE",), True) for sink in settings.sinks if isinstance(sink, KafkaSinkConfig)}
    if source.state_topic:
        needs[source.state_topic] = Need(("READ", "WRITE"), True)
    return needs


def _topics(settings: Settings, source: KafkaConfig, found: dict[str, dict[str, Any]]) -> Iterator[Finding]:
    width = max((len(found[name]["partitions"]) for name in source.topics if name in found), default=0)
    for name, need in _needs(settings, source).items():
        yield _topic(f"topic {name}", need, found.get(name), width)
    if source.pattern:
        yield fine(f"topics {source.pattern}", "are looked for while the daemon runs")


def _topic(subject: str, need: Need, topic: dict[str, Any] | None, width: int) -> Finding:
    partitions = topic["partitions"] if topic else []
    if not topic or not partitions:
        advice = "create it with reconwatch topics create, or grant DESCRIBE and " + " and ".join(need.operations)
        return Finding(subject, "fail", "does not exist, or may not be seen", advice)
    missing = [name for name in need.operations if name not in topic["authorized_operations"]]
    if missing:
        told = f"this user may not {' and '.join(missing)} it"
        return Finding(subject, "fail", told, f"grant {' and '.join(missing)} on the topic to this user")
    headless = [part["partition_index"] for part in partitions if part["leader_id"] < 0]
    if headless:
        return Finding(subject, "fail", f"partitions {headless} have no leader", "start the brokers that hold them")
    thin = [part["partition_index"] for part in partitions if len(part["isr_nodes"]) < len(part["replica_nodes"])]
    if need.follows_input and len(partitions) < width:
        told = f"has {len(partitions)} partitions, the input has {width}: results of partition p go to partition p"
        return Finding(subject, "fail", told, f"give it {width} partitions")
    if thin:
        return Finding(subject, "warn", f"partitions {thin} lack replicas in sync", "see why brokers are behind")
    return fine(subject, f"{len(partitions)} partitions, {' and '.join(need.operations)} allowed")


def _brokers(admin: KafkaAdminClient, subject: str) -> Finding:
    brokers = admin.describe_cluster()["brokers"]
    return fine(subject, f"{len(brokers)} answer: " + ", ".join(f"{one['host']}:{one['port']}" for one in brokers))


def _group(admin: KafkaAdminClient, group: str, subject: str) -> Finding:
    # Kafka says what is allowed only to those who ask, and the client does not; whoever may READ may look.
    found = _described(admin, group)
    return fine(subject, f"may be seen, {len(found['members'])} members")


def _described(admin: KafkaAdminClient, group: str) -> dict[str, Any]:
    for patience_s in (1, 2, 4):  # a cluster without any group yet has to make the topic for their offsets
        try:
            return admin.describe_groups([group])[group]
        except CoordinatorNotAvailableError:
            time.sleep(patience_s)
    return admin.describe_groups([group])[group]


def _transactions(source: KafkaConfig, subject: str) -> Finding:
    name = f"{source.group}-doctor"
    Writer(source.connection, name, source.transaction_timeout_s, source.producer).close()
    return fine(subject, f"allowed under names that begin with {source.group}-")


def _tried(subject: str, look: Callable[[str], Finding]) -> Finding:
    try:
        with errors("Kafka refuses"):
            return look(subject)
    except ReconwatchError as error:
        return failed(subject, error)
