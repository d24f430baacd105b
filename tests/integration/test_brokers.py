"""The real Kafka behaves as the daemon's promises require, through the client that the daemon uses."""

import json
import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import CommitFailedError, ProducerFencedError
from kafka.structs import OffsetAndMetadata

from detector.errors import ConfigError, SourceLost
from pipelines.brokers.cluster import KafkaCluster
from pipelines.brokers.node import listening
from pipelines.brokers.ports import free_ports


@pytest.fixture
def topic(kafka: str) -> Iterator[str]:
    name = f"t-{uuid.uuid4().hex}"
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    admin.create_topics({name: {"num_partitions": 1, "replication_factor": 1}})
    yield name
    admin.delete_topics([name])
    admin.close()


def read(kafka: str, topic: str, isolation: str) -> list[bytes]:
    partition = TopicPartition(topic, 0)
    consumer = KafkaConsumer(bootstrap_servers=kafka, isolation_level=isolation, auto_offset_reset="earliest")
    consumer.assign([partition])
    end = consumer.end_offsets([partition])[partition]
    values: list[bytes] = []
    while consumer.position(partition) < end:
        values += [record.value for record in consumer.poll(500).get(partition, [])]
    consumer.close()
    return values


def transactional(kafka: str, name: str) -> KafkaProducer:
    producer = KafkaProducer(bootstrap_servers=kafka, transactional_id=name)
    producer.init_transactions()
    return producer


def test_aborted_records_are_hidden_from_committed_readers(kafka: str, topic: str) -> None:
    producer = transactional(kafka, topic)
    for value, commit in ((b"kept", True), (b"dropped", False), (b"kept too", True)):
        producer.begin_transaction()
        producer.send(topic, value, partition=0)
        if commit:
            producer.commit_transaction()
        else:
            producer.flush()
            producer.abort_transaction()
    producer.close()

    assert read(kafka, topic, "read_committed") == [b"kept", b"kept too"]
    assert read(kafka, topic, "read_uncommitted") == [b"kept", b"dropped", b"kept too"]


def test_offsets_of_a_transaction_keep_their_metadata(kafka: str, topic: str) -> None:
    consumer = KafkaConsumer(topic, bootstrap_servers=kafka, group_id=topic, enable_auto_commit=False)
    while not consumer.assignment():
        consumer.poll(100)
    producer = transactional(kafka, topic)
    partition = TopicPartition(topic, 0)
    offsets = {partition: OffsetAndMetadata(7, '{"v":1,"r":3}', -1)}
    producer.begin_transaction()
    producer.send_offsets_to_transaction(offsets, consumer.group_metadata())
    producer.commit_transaction()
    producer.close()
    consumer.close()

    # Only a read_committed reader waits for the outcome of a transaction that is about to end.
    auditor = KafkaConsumer(bootstrap_servers=kafka, group_id=topic, isolation_level="read_committed")
    found = auditor.committed(partition, metadata=True)
    auditor.close()
    assert (found.offset, found.metadata) == (7, '{"v":1,"r":3}')


def test_a_second_producer_of_the_same_name_fences_the_first(kafka: str, topic: str) -> None:
    zombie = transactional(kafka, topic)
    zombie.begin_transaction()
    zombie.send(topic, b"of the zombie", partition=0)
    zombie.flush()
    heir = transactional(kafka, topic)
    with pytest.raises(ProducerFencedError):
        zombie.commit_transaction()
    heir.begin_transaction()
    heir.send(topic, b"of the heir", partition=0)
    heir.commit_transaction()
    for producer in (zombie, heir):
        producer.close(timeout=1)

    assert read(kafka, topic, "read_committed") == [b"of the heir"]


def test_offsets_of_a_stale_generation_are_refused(kafka: str, topic: str) -> None:
    consumer = KafkaConsumer(topic, bootstrap_servers=kafka, group_id=topic, enable_auto_commit=False)
    while not consumer.assignment():
        consumer.poll(100)
    stale = consumer.group_metadata()
    consumer.close()  # leaves the group, so that the next member begins another generation
    heir = KafkaConsumer(topic, bootstrap_servers=kafka, group_id=topic, enable_auto_commit=False)
    while not heir.assignment():
        heir.poll(100)
    producer = transactional(kafka, topic)
    producer.begin_transaction()
    with pytest.raises(CommitFailedError):
        producer.send_offsets_to_transaction({TopicPartition(topic, 0): OffsetAndMetadata(1, "", -1)}, stale)
    producer.abort_transaction()
    producer.close()
    heir.close()


def test_the_command_serves_and_leaves_nothing_behind() -> None:
    command = [sys.executable, "-c", "from pipelines.cli.main import main; main()", "dev", "kafka", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        facts = json.loads(process.stdout.readline())
        port = int(facts["bootstrap_servers"].split(":")[1])
        assert listening(port)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert not listening(port)
    assert not Path(facts["directory"]).exists()
    with pytest.raises(ProcessLookupError):
        os.kill(facts["nodes"][0]["pid"], 0)


def test_kept_data_survives_a_kill(tmp_path: Path) -> None:
    soon_missed = {"broker.session.timeout.ms": 2_000, "broker.heartbeat.interval.ms": 300}
    with KafkaCluster(directory=tmp_path, properties=soon_missed) as cluster:
        admin = KafkaAdminClient(bootstrap_servers=cluster.bootstrap)
        admin.create_topics({"kept": {"num_partitions": 1, "replication_factor": 1}})
        admin.close()
        producer = KafkaProducer(bootstrap_servers=cluster.bootstrap)
        producer.send("kept", b"still here").get(10)
        producer.close()
        cluster.kill(1)
        with pytest.raises(SourceLost, match=r"node 1 ended: .*server\.log"):
            cluster.check()
    with KafkaCluster(directory=tmp_path, properties=soon_missed) as cluster:
        assert read(cluster.bootstrap, "kept", "read_committed") == [b"still here"]
    with pytest.raises(ConfigError, match="holds a cluster of 1 nodes"):
        KafkaCluster(3, directory=tmp_path).start()


def test_settings_that_cannot_work_are_told_in_a_sentence() -> None:
    with pytest.raises(ConfigError, match="2 nodes is not offered"):
        KafkaCluster(2)
    with pytest.raises(ConfigError, match=r"Kafka cannot use .*log\.cleaner\.threads"):
        KafkaCluster(properties={"log.cleaner.threads": "many"}).start()
    (port,) = free_ports(1)
    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(ConfigError, match=f"Port {port} of 127.0.0.1 is in use"),
    ):
        KafkaCluster(port=port)
