"""``reconwatch models``: the versions of a detector, and which of them serves."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipelines.cli.options import config_options
from pipelines.settings import Settings

if TYPE_CHECKING:
    from pipelines.retrain.retrain import Place

EPILOG = "\b\nExample:\n  reconwatch models {}"
as_json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group(epilog=EPILOG.format("list -c pump.yaml"))
def models() -> None:
    """List, compare, promote and roll back the versions that reconwatch retrain registered."""


@models.command("list", epilog=EPILOG.format("list -c pump.yaml"))
@config_options
@as_json_option
def list_(settings: Settings, as_json: bool) -> None:
    """List all versions, the newest first."""
    versions = _place(settings).registry.versions()
    if as_json:
        click.echo(json.dumps([{"version": v.number, "aliases": v.aliases, "tags": dict(v.tags)} for v in versions]))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("version", "alias", "variant", "backbone", "bundle", "quality", "rows")
    for v in versions:
        quality = next((f"{value} ({key[8:]})" for key, value in v.tags.items() if key.startswith("quality_")), "")
        tags = [v.tags.get(key, "") for key in ("variant", "backbone", "bundle")]
        table.add_row(str(v.number), ", ".join(v.aliases), *tags, quality, v.tags.get("rows", ""))
    Console().print(table)


@models.command(epilog=EPILOG.format("show 3 -c pump.yaml"))
@click.argument("version", type=int)
@config_options
@as_json_option
def show(settings: Settings, version: int, as_json: bool) -> None:
    """Show what is known of a version."""
    from pipelines.cli.show import result

    place = _place(settings)
    found = {"version": version, "folder": str(place.registry.fetch(version)), **_known(place, version)}
    result(found if as_json else _flat(found), as_json)


@models.command(epilog=EPILOG.format("diff 2 3 -c pump.yaml"))
@click.argument("one", type=int)
@click.argument("other", type=int)
@config_options
@as_json_option
def diff(settings: Settings, one: int, other: int, as_json: bool) -> None:
    """Show in what two versions differ: tags, members, settings, data and self-test."""
    place = _place(settings)
    left, right = (_flat(_known(place, number)) for number in (one, other))
    keys = [key for key in {**left, **right} if left.get(key) != right.get(key)]
    if as_json:
        click.echo(json.dumps({key: [left.get(key), right.get(key)] for key in keys}))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("", f"version {one}", f"version {other}")
    for key in keys:
        table.add_row(key, str(left.get(key, "")), str(right.get(key, "")))
    Console().print(table)


@models.command(epilog=EPILOG.format("promote 3 -c pump.yaml"))
@click.argument("version", type=int)
@config_options
@as_json_option
def promote(settings: Settings, version: int, as_json: bool) -> None:
    """Make a version the champion, after it has proven itself in a process of its own."""
    from pipelines.cli.show import result
    from pipelines.retrain import promote as changes

    place = _place(settings)
    before = changes.promote(place.registry, place.config, place.name, version)
    result({"champion": version, "previous": before}, as_json)


@models.command(epilog=EPILOG.format("rollback -c pump.yaml"))
@config_options
@as_json_option
def rollback(settings: Settings, as_json: bool) -> None:
    """Make the champion of before the champion again; once more takes that back."""
    from pipelines.cli.show import result
    from pipelines.retrain import promote as changes

    place = _place(settings)
    now, before = changes.rollback(place.registry, place.config, place.name)
    result({"champion": now, "previous": before}, as_json)


@models.command(epilog=EPILOG.format("prune -c pump.yaml"))
@config_options
@as_json_option
def prune(settings: Settings, as_json: bool) -> None:
    """Delete versions that no alias points to, but for the newest (retrain.keep)."""
    from pipelines.cli.show import result
    from pipelines.retrain import promote as changes

    deleted = changes.prune(_place(settings).registry, settings.retrain.keep)
    result({"deleted": deleted if as_json else ", ".join(map(str, deleted)) or "none"}, as_json)


def _place(settings: Settings) -> "Place":
    from detector.errors import ConfigError
    from pipelines.retrain.retrain import Place

    if settings.detector.registry is None:
        raise ConfigError("there are no versions without a registry: set detector.registry.")
    name = settings.detector.name
    return Place(name, settings.detector.registry, settings.detector.registry.open(name))


def _known(place: "Place", number: int) -> dict[str, Any]:
    folder: Path = place.registry.fetch(number)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    version = next(version for version in place.registry.versions() if version.number == number)
    kept = {key: manifest[key] for key in ("version", "schema", "detector", "seed", "data")}
    return {"aliases": list(version.aliases), "tags": dict(version.tags), "bundle": kept}


def _flat(tree: Any, keys: str = "") -> dict[str, Any]:
    """Returns the leaves of a tree under their dotted keys."""
    if isinstance(tree, list):
        tree = dict(enumerate(tree))
    if not isinstance(tree, dict):
        return {keys: tree}
    return {
        name: leaf for key, inner in tree.items() for name, leaf in _flat(inner, f"{keys}.{key}".strip(".")).items()
    }
