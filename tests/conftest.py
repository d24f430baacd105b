"""The real Kafka that tests share, and the rule that continuous integration skips nothing but data and hardware."""

import os
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import pytest
from fault_table import pytest_runtest_logreport, pytest_terminal_summary  # noqa: F401 - hooks
from hypothesis import settings

from detector.errors import ReconwatchError

if TYPE_CHECKING:
    from pipelines.brokers.cluster import KafkaCluster

MAY_BE_ABSENT = ("data", "cuda")

# How long an example takes says nothing about it: machines are shared, and compiled code is loaded with the first.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    expected = hasattr(report, "wasxfail") or any(item.get_closest_marker(name) for name in MAY_BE_ABSENT)
    if os.environ.get("RECONWATCH_CI") and report.skipped and not expected:
        report.outcome = "failed"
        report.longrepr = f"skipped, which is not allowed where RECONWATCH_CI is set: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """Bootstrap servers of a real Kafka: the user's own, or one node that lives as long as the worker."""
    if named := os.environ.get("RECONWATCH_TEST_KAFKA"):
        yield named
        return
    with _cluster(nodes=1) as cluster:
        yield cluster.bootstrap


@pytest.fixture(scope="session")
def kafka3() -> Iterator["KafkaCluster"]:
    """A cluster of three nodes that tests may harm, as long as they mend it again."""
    with _cluster(nodes=3) as cluster:
        yield cluster


def _cluster(nodes: int) -> "KafkaCluster":
    from pipelines.brokers.cluster import KafkaCluster

    try:
        return KafkaCluster(nodes)
    except ReconwatchError as error:  # no Java, no jars: continuous integration turns the skip into a failure
        pytest.skip(str(error))
