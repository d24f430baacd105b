"""The network between the daemon and Kafka loses what must not be lost: a commit, or the news of it."""

import time
from collections.abc import Callable, Iterator

import pytest
from bench import Bench, share
from proxy import END_TRANSACTION, Lost, Proxy

from detector.errors import ReconwatchError
from pipelines.brokers.cluster import KafkaCluster
from pipelines.brokers.listeners import Listener
from pipelines.brokers.ports import free_ports

pytestmark = [pytest.mark.fault, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def line() -> Iterator[tuple[KafkaCluster, Proxy]]:
    """A node, and the proxy that the daemon reaches it by."""
    (port,) = free_ports(1)
    try:
        cluster = KafkaCluster(1, listeners={"PROXIED": Listener(advertised_port=port)})
    except ReconwatchError as error:
        pytest.skip(str(error))
    with cluster, Proxy(port, cluster.port("PROXIED")) as proxy:
        yield cluster, proxy


@pytest.fixture
def behind(line: tuple[KafkaCluster, Proxy], bench_at: Callable[..., Bench]) -> Bench:
    """A bench whose daemon reaches Kafka by the proxy, while the bench itself sees everything."""
    cluster, proxy = line
    bench = bench_at(cluster.bootstrap)
    bench.tree["source"]["connection"] = {"bootstrap_servers": [f"127.0.0.1:{proxy.port}"]}
    bench.tree["source"]["transaction_timeout_s"] = 4
    return bench


@pytest.mark.parametrize(
    "what", ["request", pytest.param("response", marks=pytest.mark.chaos)], ids=["request", "response"]
)
def test_a_commit_is_lost_on_its_way(
    what: Lost, behind: Bench, line: tuple[KafkaCluster, Proxy], pumps: Callable
) -> None:
    records, proxy = pumps(share(200)), line[1]
    behind.produce(records[: len(records) // 2])
    behind.start(instance="one")
    behind.wait_for_progress()
    with behind.feeding(records[len(records) // 2 :]):
        proxy.lose(END_TRANSACTION, what)
        assert proxy.lost.wait(60), "no commit came by"
        behind.strikes(f"network: {what} of a commit lost")
        behind.wait_for_commit()
    behind.verify()
    assert "Reading again." in behind.told()


@pytest.mark.chaos
def test_the_line_is_cut_and_mended(behind: Bench, line: tuple[KafkaCluster, Proxy], pumps: Callable) -> None:
    records, proxy = pumps(share(600)), line[1]
    behind.produce(records[: len(records) // 2])
    behind.start(instance="one")
    behind.wait_for_progress()
    behind.strikes("network cut for 25 s, longer than a new producer tries to start")
    proxy.cut()
    with behind.feeding(records[len(records) // 2 :]):
        time.sleep(25)
        proxy.mend()
        behind.wait_for_commit()
    behind.verify()
