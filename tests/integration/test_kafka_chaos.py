"""Brokers die under load: three nodes, every record on two of them before it counts."""

import gc
import signal
from collections.abc import Callable, Iterator

import pytest
from bench import Bench, share
from kafka import KafkaAdminClient, KafkaProducer
from kafka.protocol.metadata import CoordinatorType

from pipelines.brokers.cluster import KafkaCluster
from pipelines.io.kafka.deadline import Overdue, within

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.timeout(1200),
    # The client leaves the socket of a refused connection to the garbage collector; make chaos forgives the rest.
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(autouse=True)
def sockets_of_refused_connections() -> Iterator[None]:
    yield
    gc.collect()  # while the sockets above are forgiven


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
def test_a_broker_dies_under_load(victim: str, bench3: Bench, kafka3: KafkaCluster, pumps: Callable) -> None:
    bench, records = bench3, pumps(share(900))
    bench.produce(records[:900])
    bench.start(instance="one")
    bench.wait_for_progress()
    node = {
        "leader": lambda: leader(kafka3, bench.topic("scores"), 0),
        "transaction coordinator": lambda: coordinator(kafka3, CoordinatorType.TRANSACTION, f"{bench.name}-one"),
        "group coordinator": lambda: coordinator(kafka3, CoordinatorType.GROUP, bench.name),
    }[victim]()
    bench.strikes(f"SIGKILL of the {victim} of three nodes")
    kafka3.kill(node)
    try:
        with bench.feeding(records[900:]):
            bench.wait_for_commit()
        bench.verify()
    finally:
        kafka3.restart(node)


def test_every_broker_is_restarted_in_turn(bench3: Bench, kafka3: KafkaCluster, pumps: Callable) -> None:
    bench, records = bench3, pumps(share(900))
    bench.produce(records[:900])
    bench.start(instance="one")
    bench.wait_for_progress()
    with bench.feeding(records[900:]):
        for node in kafka3.nodes:
            bench.strikes("SIGTERM and restart of each of three nodes")
            node.signal(signal.SIGTERM)
            node.wait(60)
            kafka3.restart(node.node_id)
    bench.verify()


def test_the_only_broker_is_restarted(bench_at: Callable[..., Bench], pumps: Callable) -> None:
    records = pumps(share(900))
    with KafkaCluster(nodes=1, directory=None) as cluster:
        bench = bench_at(cluster.bootstrap)
        bench.produce(records[: len(records) // 2])
        bench.start(instance="one")
        bench.wait_for_progress()
        bench.strikes("SIGKILL and restart of the only node")
        cluster.restart(1)
        with bench.feeding(records[len(records) // 2 :]):
            bench.wait_for_commit()
        bench.verify()


def test_a_bare_producer_is_wedged_by_the_death_of_its_coordinator(bench3: Bench, kafka3: KafkaCluster) -> None:
    """When this fails the client was mended, and the deadline of ``Writer`` may become a plain timeout."""
    name, topic = f"{bench3.name}-bare", bench3.topic("scores")
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
