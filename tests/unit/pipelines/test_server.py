import socket
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter

from detector.errors import ConfigError
from pipelines.stream.health import Health
from pipelines.stream.server import Server, ServerConfig


class ManualClock:
    time_s = 0.0

    def now_s(self) -> float:
        return self.time_s

    def monotonic_s(self) -> float:
        return self.time_s

    def sleep(self, seconds: float) -> None:
        self.time_s += seconds


@contextmanager
def _serving(health: Health, **options: object) -> Iterator[httpx.Client]:
    registry = CollectorRegistry()
    Counter("reconwatch_records", "Records.", registry=registry).inc(3)
    server = Server(ServerConfig(port=0, **options), registry, health, ManualClock())
    server.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{server.port}") as client:
            yield client
    finally:
        server.close()


def test_metrics_and_probes_follow_the_health_of_the_loop() -> None:
    clock = ManualClock()
    health = Health(clock, stale_s=30)
    with _serving(health) as client:
        assert client.get("/healthz").status_code == 200
        starting = client.get("/readyz")
        assert (starting.status_code, starting.text) == (503, "starting\n")
        health.ready()
        assert client.get("/readyz").text == "ok\n"
        clock.sleep(31)
        assert client.get("/healthz").status_code == 503
        assert "no sign for 31 s" in client.get("/readyz").text
        health.beat()
        assert client.get("/healthz").status_code == 200
        assert "reconwatch_records_total 3.0" in client.get("/metrics").text
        assert client.get("/nothing").status_code == 404


def test_a_token_guards_the_metrics_but_not_the_probes() -> None:
    with _serving(Health(ManualClock()), token="s3cret") as client:
        assert client.get("/metrics").status_code == 401
        assert client.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 401
        assert client.get("/metrics", headers={"Authorization": "Bearer s3cret"}).status_code == 200
        assert client.get("/healthz").status_code == 200


def test_beyond_loopback_a_token_is_required() -> None:
    with pytest.raises(ValueError, match="not loopback"):
        ServerConfig(host="0.0.0.0")
    assert ServerConfig(host="0.0.0.0", token="s3cret").token is not None
    assert ServerConfig(host="localhost").token is None


def test_a_port_in_use_is_told_in_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = ServerConfig(port=taken.getsockname()[1])
        with pytest.raises(ConfigError, match=r"cannot listen on .*in use; choose another server\.port"):
            Server(config, CollectorRegistry(), Health(ManualClock()), ManualClock())
