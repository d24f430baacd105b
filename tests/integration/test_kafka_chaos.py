"""Brokers die under load: three nodes, every record on two of them before it counts."""

import gc
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.protocol.metadata import CoordinatorType
from oracle import Bench, Record

from pipelines.brokers.cluster import KafkaCluster
from pipelines.io.kafka.deadline import Overdue, within

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.timeout(600),
    # The client leaves the socket of a refused connection to the garbage collector; make chaos forgives the rest.
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def bench(kafka3: KafkaCluster, bundle: Path, tmp_path: Path) -> Iterator[Bench]:
    with Bench(kafka3.bootstrap, bundle, tmp_path, replicas=3) as bench:
        yield bench
    gc.collect()  # while the sockets below are forgiven


def leader(cluster: KafkaCluster, topic: str, partition: int) -> int:
    admin = KafkaAdminClient(bootstrap_servers=cluster.bootstrap.split(","))
    (found,) = admin.describe_topics([topic])
    admin.close()
    return next(p["leader_id"] for p in found["partitions"] if p["partition_index"] == partition)


def coordinator(cluster: KafkaCluster, kind: CoordinatorType, name: str) -> int:
    """The node that Kafka itself names as the coordinator of a group or a transactional id."""
    admin = KafkaAdminClient(bootstrap_servers=cluster.bootstrap.split(","))
    found = admin._manager.run(admin._find_coordinator_ids, [name], kind)
    admin.close()
    return found[name]


@pytest.mark.parametrize("victim", ["leader", "transaction coordinator", "group coordinator"])
def test_a_broker_dies_under_load(
    victim: str, bench: Bench, kafka3: KafkaCluster, pumps: Callable[..., list[Record]]
) -> None:
    records = pumps(900)
    bench.produce(records[:900])
    bench.start(instance="one")
    bench.wait_for_progress()
    node = {
        "leader": lambda: leader(kafka3, bench.topic("scores"), 0),
        "transaction coordinator": lambda: coordinator(kafka3, CoordinatorType.TRANSACTION, f"{bench.name}-one"),
        "group coordinator": lambda: coordinator(kafka3, CoordinatorType.GROUP, bench.name),
    }[victim]()
    feeding = threading.Thread(target=bench.produce, args=(records[900:],))
    kafka3.kill(node)
    killed_s = time.monotonic()
    feeding.start()
    try:
        bench.wait_for_commit()
        print(f"{victim}, node {node}: next commit {time.monotonic() - killed_s:.1f} s after the kill")
        feeding.join(150)
        bench.verify()
    finally:
        kafka3.restart(node)


def test_a_bare_producer_is_wedged_by_the_death_of_its_coordinator(bench: Bench, kafka3: KafkaCluster) -> None:
    """When this fails the client was mended, and the deadline of ``Writer`` may become a plain timeout."""
    name, topic = f"{bench.name}-bare", bench.topic("scores")
    producer = KafkaProducer(bootstrap_servers=kafka3.bootstrap.split(","), transactional_id=name)
    producer.init_transactions()
    producer.begin_transaction()
    producer.send(topic, b"first", partition=0).get(30)
    node = coordinator(kafka3, CoordinatorType.TRANSACTION, name)
    kafka3.kill(node)
    try:
        with pytest.raises(Overdue):
            within(45.0, producer.commit_transaction)
        heir = KafkaProducer(bootstrap_servers=kafka3.bootstrap.split(","), transactional_id=name)
        within(30.0, heir.init_transactions)  # the cluster itself has long recovered
        heir.close()
    finally:
        kafka3.restart(node)
        producer.close(timeout=0)
