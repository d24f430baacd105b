"""``reconwatch config``: check, show or describe the configuration."""

import json
from typing import Any

import click
import yaml

from pipelines.cli.options import config_options
from pipelines.io.sinks.schemas import MODELS, record_schema
from pipelines.settings import Settings


@click.group(epilog="\b\nExample:\n  reconwatch config check -c configs/example.yaml")
def config() -> None:
    """Check, show or describe the configuration of the daemon."""


@config.command(epilog="\b\nExample:\n  reconwatch config check -c configs/example.yaml")
@config_options
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
def check(settings: Settings, as_json: bool) -> None:
    """Say whether the configuration is right; nothing is opened."""
    click.echo(json.dumps({"valid": True}) if as_json else "the configuration is valid")


@config.command(epilog="\b\nExample:\n  RECONWATCH__SERVER__PORT=0 reconwatch config show -c configs/example.yaml")
@config_options
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
def show(settings: Settings, as_json: bool) -> None:
    """Show the configuration as it would be used, defaults included and secrets masked."""
    tree = settings.model_dump(mode="json")
    click.echo(json.dumps(tree, indent=2) if as_json else yaml.safe_dump(tree, sort_keys=False).rstrip())


SCHEMA_EXAMPLE = """\b
Example:
  reconwatch config schema > configs/schema.json
  reconwatch config schema --of alerts-1 > alerts-1.json
"""


@config.command(epilog=SCHEMA_EXAMPLE)
@click.option("--of", "name", type=click.Choice(list(MODELS)), help="Of a kind of record that is written, instead.")
def schema(name: str | None) -> None:
    """Print the JSON Schema of the configuration; editors complete and check YAML with it."""
    click.echo(json.dumps(record_schema(name) if name else described(), indent=2))


def described() -> dict[str, Any]:
    """Returns the JSON Schema of the configuration."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | Settings.model_json_schema()
