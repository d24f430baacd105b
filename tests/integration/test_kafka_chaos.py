"""Brokers die under load: three nodes, every record on two of them before it counts."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kafka import KafkaAdminClient
from oracle import Bench, Record

from pipelines.brokers.cluster import KafkaCluster

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]

INTERNAL_PARTITIONS = 3


@pytest.fixture
def bench(kafka3: KafkaCluster, bundle: Path, tmp_path: Path) -> Iterator[Bench]:
    with Bench(kafka3.bootstrap, bundle, tmp_path, replicas=3) as bench:
        yield bench


def leader(cluster: KafkaCluster, topic: str, partition: int) -> int:
    admin = KafkaAdminClient(bootstrap_servers=cluster.bootstrap.split(","))
    (found,) = admin.describe_topics([topic])
    admin.close()
    return next(p["leader_id"] for p in found["partitions"] if p["partition_index"] == partition)


def coordinator(cluster: KafkaCluster, topic: str, name: str) -> int:
    """The node that leads the internal partition to which Java's hash of a group or transactional id points."""
    code = 0
    for letter in name:
        code = (31 * code + ord(letter)) & 0xFFFFFFFF
    return leader(cluster, topic, (code & 0x7FFFFFFF) % INTERNAL_PARTITIONS)


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
        "transaction coordinator": lambda: coordinator(kafka3, "__transaction_state", f"{bench.name}-one"),
        "group coordinator": lambda: coordinator(kafka3, "__consumer_offsets", bench.name),
    }[victim]()
    feeding = threading.Thread(target=bench.produce, args=(records[900:],))
    kafka3.kill(node)
    killed_s = time.monotonic()
    feeding.start()
    try:
        bench.wait_for_commit()
        print(f"{victim}: next commit {time.monotonic() - killed_s:.1f} s after the kill")
        feeding.join(150)
        bench.verify()
    finally:
        kafka3.restart(node)
