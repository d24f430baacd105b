"""A canary in every secret of the configuration appears in nothing that the product prints, logs, serves or keeps."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest
from pydantic import TypeAdapter

from pipelines.brokers.ports import free_ports
from pipelines.io.sinks.table import SinkConfig
from pipelines.io.sources.table import SourceConfig
from pipelines.stream.server import ServerConfig

CANARY = "canary-7f3a91"
KINDS: dict[str, Any] = {"source": SourceConfig, "sink": SinkConfig, "server": ServerConfig}
KNOWN = {
    "source.kafka.connection.password",
    "source.kafka.connection.token",
    "source.kafka.connection.key_password",
    "sink.alertmanager.token",
    "sink.webhook.token",
    "sink.webhook.secret_url",
    "sink.slack.token",
    "sink.slack.url",
    "server.token",
}


def secrets(schema: dict[str, Any], tree: dict[str, Any], path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Every path to a secret below one part of the schema, kinds named."""
    tree = schema["$defs"][tree["$ref"].rpartition("/")[2]] if "$ref" in tree else tree
    if tree.get("writeOnly"):
        yield path
    for part in [*tree.get("anyOf", ()), *tree.get("oneOf", ())]:
        kind = part.get("$ref", "").rpartition("/")[2]
        named = schema["$defs"][kind]["properties"].get("kind", {}).get("const") if kind else None
        yield from secrets(schema, part, (*path, named) if named else path)
    for name, part in tree.get("properties", {}).items():
        yield from secrets(schema, part, (*path, name))


def found() -> list[str]:
    paths = []
    for name, kind in KINDS.items():
        schema = TypeAdapter(kind).json_schema()
        paths += [".".join(path) for path in secrets(schema, schema, (name,))]
    return sorted(set(paths))


def test_no_secret_is_missing_here() -> None:
    assert set(found()) == KNOWN


@pytest.fixture
def environment(bundle: Path) -> dict[str, str]:
    sinks = [
        {"kind": "alertmanager", "url": "http://127.0.0.1:9", "token": CANARY, "retry_s": 0.1, "close_s": 0.1},
        {"kind": "webhook", "secret_url": f"http://127.0.0.1:9/{CANARY}", "token": CANARY, "close_s": 0.1},
        {"kind": "slack", "url": f"http://127.0.0.1:9/{CANARY}", "token": CANARY, "close_s": 0.1},
    ]
    connection = {
        "bootstrap_servers": ["127.0.0.1:9"],
        "bootstrap_timeout_s": 1,
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "PLAIN",
        "username": "reconwatch",
        "password": CANARY,
        "token": CANARY,
        "key_password": CANARY,
    }
    return {
        "RECONWATCH__DETECTOR__BUNDLE": str(bundle),
        "RECONWATCH__SOURCE": json.dumps({"kind": "kafka", "topics": ["readings"], "connection": connection}),
        "RECONWATCH__SINKS": json.dumps(sinks),
        "RECONWATCH__SERVER__TOKEN": CANARY,
        "RECONWATCH__SERVER__PORT": "0",
        "RECONWATCH__LOGGING__LEVEL": "debug",
    }


@pytest.mark.parametrize(
    "command",
    [
        ["config", "show"],
        ["config", "show", "--json"],
        ["doctor", "--limit-s", "3"],
        ["--debug", "run"],
        ["--debug", "topics", "create"],
        ["--debug", "lag"],
        ["config", "check", "--set", "source.topics=3"],
        ["config", "check", "--set", 'source={"kind": "kafka", "connection": {"password": "canary-7f3a91", "no": 1}}'],
        ["config", "check", "--set", 'server={"token": ["canary-7f3a91"]}'],
        ["config", "check", "--set", 'sinks=[{"kind": "slack", "url": {"a": "canary-7f3a91"}}]'],
        ["config", "check", "--set", 'detector.registry={"kind": "mlflow", "uri": "http://u:canary-7f3a91@h:1"}'],
        [
            "config",
            "check",
            "--set",
            'source={"kind": "kafka", "topics": ["a"], "connection": {"client": {"ssl_password": "canary-7f3a91"}}}',
        ],
    ],
    ids=lambda command: " ".join(command)[:40],
)
def test_no_command_says_a_secret(command: list[str], environment: dict[str, str]) -> None:
    script = "import sys; from pipelines.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script, *command],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout or done.stderr
    assert CANARY not in done.stdout + done.stderr


def running(environment: dict[str, str], *words: str) -> subprocess.Popen[str]:
    script = "import sys; from pipelines.cli.main import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", script, *words],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_daemon_at_work_says_none(
    environment: dict[str, str], tmp_path: Path, stream: Callable[[int, int], pd.DataFrame]
) -> None:
    """It reads a file slowly and cannot reach its receivers, with everything logged."""
    stream(200, 1).to_csv(tmp_path / "pump.csv", index=False)
    source = {"kind": "file", "paths": [str(tmp_path / "pump.csv")], "speed": 600, "chunk_rows": 10}
    (port,) = free_ports(1)
    at_work = {"RECONWATCH__SOURCE": json.dumps(source), "RECONWATCH__SERVER__PORT": str(port)}
    daemon = running({**environment, **at_work}, "--debug", "run")
    try:
        url, page = f"http://127.0.0.1:{port}", ""
        deadline = time.monotonic() + 60
        while "windows_scored_total" not in page and time.monotonic() < deadline:
            time.sleep(0.2)
            try:
                assert httpx.get(f"{url}/metrics").status_code == 401
                page = httpx.get(f"{url}/metrics", headers={"Authorization": f"Bearer {CANARY}"}).text
                page += httpx.get(f"{url}/readyz").text
            except httpx.ConnectError:
                assert daemon.poll() is None
        assert "windows_scored_total" in page
    finally:
        daemon.send_signal(signal.SIGTERM)
        told = daemon.communicate(timeout=30)
    assert "answering on" in "".join(told)
    assert CANARY not in page + "".join(told)


def test_a_retrain_keeps_none(
    environment: dict[str, str], tmp_path: Path, stream: Callable[[int, int], pd.DataFrame]
) -> None:
    stream(900, 1).to_csv(tmp_path / "pump.csv", index=False)
    registry = {"kind": "mlflow", "uri": f"sqlite:///{tmp_path}/mlflow.db", "folder": str(tmp_path / "mlflow")}
    del environment["RECONWATCH__DETECTOR__BUNDLE"]
    environment |= {
        "RECONWATCH__DETECTOR__REGISTRY": json.dumps(registry),
        "RECONWATCH__RETRAIN__DATA": json.dumps([str(tmp_path / "pump.csv")]),
        "RECONWATCH__RETRAIN__FOLDER": str(tmp_path / "retrain"),
        "MLFLOW_TRACKING_TOKEN": CANARY,
    }
    retrain = running(environment, "--debug", "retrain", "--variant", "pca", "--backbone", "dense")
    told = retrain.communicate(timeout=110)
    assert retrain.returncode == 0, told
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name == "mlflow.db" for path in kept)
    assert CANARY not in "".join(told)
    assert [path for path in kept if CANARY.encode() in path.read_bytes()] == []
