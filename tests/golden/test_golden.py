"""What people and machines rely on stays as it is, unless a commit says otherwise.

After a change that is meant: ``UPDATE_GOLDEN=1 pytest tests/golden``.
"""

import json
import os
import runpy
import subprocess
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from prometheus_client.exposition import generate_latest
from tools import tool

from detector.alerting.alert import Alert, ChannelShare
from detector.types import DecisionBatch
from pipelines.cli.config import described
from pipelines.cli.main import cli
from pipelines.io.base import DeadLetter, Output
from pipelines.io.sinks.schemas import MODELS, record_schema
from pipelines.telemetry import TABLE, Served, Telemetry

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SCHEMA = ROOT / "configs/schema.json"


def _same(path: Path, found: str) -> None:
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(found)
    assert found == path.read_text(), f"{path.name} differs; if it is meant, run UPDATE_GOLDEN=1 pytest tests/golden"


def _help(*verbs: str) -> str:
    command: click.Command = cli
    width: dict[str, Any] = {"terminal_width": 100, "max_content_width": 100}
    context = click.Context(cli, info_name="reconwatch", **width, **cli.context_settings)
    for verb in verbs:
        assert isinstance(command, click.Group)
        found = command.get_command(context, verb)
        assert found
        command = found
        context = click.Context(command, info_name=verb, parent=context, **width)
    return command.get_help(context) + "\n"


@pytest.mark.parametrize("verbs", [(), ("run",), ("config",), ("config", "show")], ids=" ".join)
def test_help(verbs: tuple[str, ...]) -> None:
    _same(HERE / f"help{''.join(f'-{verb}' for verb in verbs)}.txt", _help(*verbs))


def test_names_and_labels_of_metrics() -> None:
    lines = [
        f"reconwatch_{name} {metric.kind.__name__} {' '.join(metric.labels)}".rstrip() for name, metric in TABLE.items()
    ]
    _same(HERE / "metrics.txt", "\n".join(sorted(lines)) + "\n")


def test_page_about_the_metrics() -> None:
    build = runpy.run_path(str(ROOT / "docs/build_metrics.py"))
    _same(ROOT / "docs/metrics.md", build["page"]())


def test_the_exposition_after_a_known_history_which_promtool_finds_clean() -> None:
    telemetry = Telemetry("readings", "pumps", Served("0123abcd", "deep", "conv1d", "run7", 1200.0))
    share = ChannelShare(name="flow", unit="m3/h", share=0.75, actual=2.0, expected=4.0, low=3.5, high=4.5)
    told = {"detector": "pumps", "model_version": "1", "start_ns": 0, "peak_ns": 0, "peak_score": 2.5}
    alert = Alert(id="00", state="firing", severity="major", series='pump "1"', channels=(share,), **told)
    score = np.array([0.5, 2.5, np.nan])
    ids, ones = np.arange(3, dtype=np.int32), np.ones((3, 1), np.float32)
    columns = ids, np.arange(3) * 10**9, score, score >= 1, np.ones(3), ones
    decisions = DecisionBatch(*columns, np.array([True, False, False]))
    telemetry.allows(0.5)
    telemetry.decoded(3, [DeadLetter(0, 1, "not_json", ".", b"")])
    output = Output(["pump-2", 'pump "1"', "pump-3"], ("flow",), decisions, [alert])
    telemetry.scored([output], 0.02)
    telemetry.state(late=1, series=3)
    telemetry.reloaded("swapped")
    telemetry.sent("slack", 1)
    telemetry.dropped("slack", 2)
    telemetry.waiting("slack", 3)
    telemetry.aborted()
    telemetry.committed(1500.0, 0.05)
    page = generate_latest(telemetry.registry)
    _same(HERE / "exposition.txt", page.decode())
    done = subprocess.run([tool("promtool"), "check", "metrics"], input=page, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize("name", MODELS)
def test_json_schemas_of_what_is_written(name: str) -> None:
    _same(ROOT / f"configs/outputs/{name}.json", json.dumps(record_schema(name), indent=2) + "\n")


def test_json_schema_of_the_configuration() -> None:
    _same(SCHEMA, json.dumps(described(), indent=2) + "\n")
