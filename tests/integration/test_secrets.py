"""A canary in every secret of the configuration appears in nothing that the product prints, logs, serves or keeps."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

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
