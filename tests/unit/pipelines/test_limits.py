"""The HTTP server asks little of its clients and lets them ask little of it."""

from collections.abc import Iterator

import httpx
import pytest
from prometheus_client import CollectorRegistry

from pipelines.stream.health import Health
from pipelines.stream.limits import BURST, PER_S
from pipelines.stream.server import Server, ServerConfig


class ManualClock:
    time_s = 0.0

    def now_s(self) -> float:
        return self.time_s

    def monotonic_s(self) -> float:
        return self.time_s

    def sleep(self, seconds: float) -> None:
        self.time_s += seconds


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def client(clock: ManualClock) -> Iterator[httpx.Client]:
    server = Server(ServerConfig(port=0), CollectorRegistry(), Health(clock), clock)
    server.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}") as client:
        yield client
    server.close()


def test_a_burst_is_served_and_more_has_to_wait(client: httpx.Client, clock: ManualClock) -> None:
    served = [client.get("/healthz").status_code for _ in range(int(BURST) + 2)]
    assert served == [200] * int(BURST) + [429, 429]
    assert client.get("/healthz").headers["retry-after"] == "1"
    clock.sleep(1)
    assert [client.get("/healthz").status_code for _ in range(int(PER_S) + 1)] == [200] * int(PER_S) + [429]


def test_a_body_is_refused_and_costs_no_share_of_the_rate(client: httpx.Client) -> None:
    for _ in range(int(BURST) + 1):
        assert client.request("GET", "/healthz", content=b"x" * 10).status_code == 413
    assert client.request("GET", "/healthz", content=iter([b"chunk"])).status_code == 413
    assert client.get("/healthz").status_code == 200
