"""Options that say where the configuration comes from."""

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from pipelines.loading import Origin


def config_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command ``--config`` and ``--set``; it receives the settings read, as ``settings``."""

    @origin_options
    @functools.wraps(command)
    def read(origin: Origin, **rest: Any) -> Any:
        return command(settings=origin.read(), **rest)

    return read


def origin_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command ``--config`` and ``--set``; it receives where the settings stand, as ``origin``."""

    @click.option(
        "-c", "--config", "path", type=click.Path(path_type=Path), help="YAML file; see reconwatch config schema."
    )
    @click.option(
        "--set", "options", multiple=True, metavar="KEY=VALUE", help="Set one key (server.port=0); may be repeated."
    )
    @functools.wraps(command)
    def read(path: Path | None, options: tuple[str, ...], **rest: Any) -> Any:
        return command(origin=Origin(path, os.environ, options), **rest)

    return read
