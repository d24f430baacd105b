"""What people and machines rely on stays as it is, unless a commit says otherwise.

After a change that is meant: ``UPDATE_GOLDEN=1 pytest tests/golden``.
"""

import json
import os
from pathlib import Path

import click
import pytest

from pipelines.cli.config import described
from pipelines.cli.main import cli
from pipelines.telemetry import TABLE

HERE = Path(__file__).parent
SCHEMA = HERE.parents[1] / "configs/schema.json"


def _same(path: Path, found: str) -> None:
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(found)
    assert found == path.read_text(), f"{path.name} differs; if it is meant, run UPDATE_GOLDEN=1 pytest tests/golden"


def _help(*verbs: str) -> str:
    command: click.Command = cli
    context = click.Context(cli, info_name="reconwatch", terminal_width=100, max_content_width=100)
    for verb in verbs:
        assert isinstance(command, click.Group)
        found = command.get_command(context, verb)
        assert found
        command = found
        context = click.Context(command, info_name=verb, parent=context, terminal_width=100, max_content_width=100)
    return command.get_help(context) + "\n"


@pytest.mark.parametrize("verbs", [(), ("run",), ("config",), ("config", "show")], ids=" ".join)
def test_help(verbs: tuple[str, ...]) -> None:
    _same(HERE / f"help{''.join(f'-{verb}' for verb in verbs)}.txt", _help(*verbs))


def test_names_and_labels_of_metrics() -> None:
    lines = [
        f"reconwatch_{name} {metric.kind.__name__} {' '.join(metric.labels)}".rstrip() for name, metric in TABLE.items()
    ]
    _same(HERE / "metrics.txt", "\n".join(sorted(lines)) + "\n")


def test_json_schema_of_the_configuration() -> None:
    _same(SCHEMA, json.dumps(described(), indent=2) + "\n")
