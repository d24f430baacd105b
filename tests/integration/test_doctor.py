"""``reconwatch doctor`` on a real Kafka: what is missing is named, with what to do."""

import json
import socket
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner
from kafka import KafkaAdminClient, KafkaProducer

from pipelines.cli.doctor import UNWELL, doctor
from pipelines.cli.topics import topics

Findings = dict[str, dict[str, str]]


@pytest.fixture
def examined(kafka: str, bundle: Path, tmp_path: Path) -> Callable[..., tuple[int, Findings]]:
    """Creates the topics, writes these readings and examines; gives the exit code and the findings by subject."""
    mark = uuid.uuid4().hex[:8]
    path = tmp_path / "reconwatch.yaml"
    path.write_text(f"""
detector: {{bundle: {bundle}}}
source:
  kind: kafka
  connection: {{bootstrap_servers: ["{kafka}"], bootstrap_timeout_s: 2}}
  topics: [in-{mark}]
  group: g-{mark}
  state_topic: null
sinks: [{{kind: kafka, topic: out-{mark}}}]
server: {{port: 0}}
""")

    def run(values: list[bytes], *options: str, create: bool = True) -> tuple[int, Findings]:
        if create:
            created = CliRunner().invoke(topics, ["create", "-c", str(path), "--partitions", "2"])
            assert created.exit_code == 0, created.output
        producer = KafkaProducer(bootstrap_servers=kafka)
        for number, value in enumerate(values):
            producer.send(f"in-{mark}", value, key=b"pump", partition=number % 2)
        producer.close()
        result = CliRunner().invoke(doctor, ["-c", str(path), "--json", *options], standalone_mode=False)
        found = [json.loads(line) for line in result.stdout.splitlines()]
        return result.return_value, {one["subject"].replace(f"-{mark}", ""): one for one in found}

    return run


def reading(time_s: float) -> bytes:
    return orjson.dumps({"timestamp": time_s, "flow": 1.0, "pressure": 1.0, "current": 1.0})


def test_a_healthy_setup_has_nothing_but_ok(examined: Callable[..., tuple[int, Findings]]) -> None:
    code, found = examined([reading(1_700_000_000 + at) for at in range(10)])
    assert code == 0
    assert {one["grade"] for one in found.values()} == {"ok"}, found
    assert "10 can be read, 1 series" in found["records of in"]["told"]
    assert {"detector", "brokers", "topic in", "topic out", "group g", "transactions", "disk"} <= set(found)


def test_missing_topics_are_named(kafka: str, examined: Callable[..., tuple[int, Findings]]) -> None:
    code, found = examined([], create=False)
    assert code == UNWELL
    for topic in ("topic in", "topic out"):
        assert found[topic]["grade"] == "fail"
        assert "reconwatch topics create" in found[topic]["advice"]
    assert found["brokers"]["grade"] == "ok"


def test_the_output_needs_a_partition_for_every_one_of_the_input(
    kafka: str, examined: Callable[..., tuple[int, Findings]]
) -> None:
    _, before = examined([])
    assert before["topic out"]["grade"] == "ok"
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    name = next(topic for topic in admin.list_topics() if topic.startswith("in-") and topic.endswith(_mark(before)))
    admin.create_partitions({name: 4}, timeout_ms=5_000)
    admin.close()
    code, found = examined([], create=False)
    assert code == UNWELL
    assert "2 partitions, the input has 4" in found["topic out"]["told"]


def test_records_that_cannot_be_read_are_shown_with_the_reason(
    examined: Callable[..., tuple[int, Findings]],
) -> None:
    code, found = examined([b'{"timestamp": 1, "voltage": 3}'] * 4)
    assert code == UNWELL
    assert "4 of the newest 4 cannot be read" in found["records of in"]["told"]
    assert "none of the detector's channels" in found["records of in"]["told"]
    assert "decoder" in found["records of in"]["advice"]


def test_events_of_the_future_are_suspicious(examined: Callable[..., tuple[int, Findings]]) -> None:
    code, found = examined([reading(time.time() + 7200)])
    assert code == 0
    assert found["records of in"]["grade"] == "warn"
    assert "ahead of this machine's clock" in found["records of in"]["told"]


def test_a_dead_broker_ends_in_time_and_the_rest_is_still_looked_at(
    examined: Callable[..., tuple[int, Findings]],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        server = f'source.connection.bootstrap_servers=["127.0.0.1:{port}"]'
        begun = time.monotonic()
        code, found = examined([], "--set", server, "--limit-s", "4", create=False)
    assert time.monotonic() - begun < 20
    assert code == UNWELL
    assert found["detector"]["grade"] == "ok"
    assert "fail" in {one["grade"] for one in found.values()}
    assert found["disk"]["grade"] in {"ok", "warn"}


def test_a_registry_without_a_champion_and_a_taken_port(
    examined: Callable[..., tuple[int, Findings]], tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, found = examined(
            [],
            "--set",
            "detector.bundle=null",
            "--set",
            f'detector.registry={{"kind": "local", "path": "{tmp_path}/registry"}}',
            "--set",
            f"server.port={port}",
        )
    assert code == UNWELL
    assert "no champion" in found["registry"]["told"]
    assert "retrain" in found["registry"]["advice"]
    assert found[f"port {port}"]["grade"] == "warn"


def _mark(found: Findings) -> str:
    return next(one["subject"].rpartition("-")[2] for one in found.values() if one["subject"].startswith("topic in-"))
