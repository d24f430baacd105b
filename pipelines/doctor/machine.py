"""Looks at this machine: the port to answer on, and room on the disks that are written to."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry
from pydantic import BaseModel

from detector.errors import ConfigError
from pipelines.clock import SystemClock
from pipelines.doctor.finding import Finding, failed, fine
from pipelines.settings import Settings
from pipelines.stream.health import Health
from pipelines.stream.server import Server

LEAST_BYTES = 1 << 30
"""Room below which a disk is about to be full: logs and snapshots grow by the hour."""

READ_ONLY_KEYS = ("bundle", "paths", "ca_file", "certificate_file", "key_file")


def examine(settings: Settings) -> Iterator[Finding]:
    """Looks at the port and the disks."""
    if settings.server.enabled:
        yield _port(settings)
    yield from _disks(settings)


def _port(settings: Settings) -> Finding:
    config, clock = settings.server, SystemClock()
    subject = f"port {config.port}"
    try:
        Server(config, CollectorRegistry(), Health(clock), clock).close()
    except ConfigError as error:
        found = failed(subject, error)
        return found._replace(
            grade="warn", advice=f"{found.advice} If the daemon runs already, this is as it should be."
        )
    return fine(subject, f"free on {config.host}")


def _disks(settings: Settings) -> Iterator[Finding]:
    seen: dict[int, Path] = {}
    for path in _written(settings):
        there = path.absolute()
        while not there.exists():
            there = there.parent
        seen.setdefault(there.stat().st_dev, there)
    for there in seen.values():
        free = shutil.disk_usage(there).free
        told = f"{free / (1 << 30):.1f} GiB free at {there}"
        if free < LEAST_BYTES:
            yield Finding("disk", "warn", told, "make room, or write elsewhere")
        else:
            yield fine("disk", told)


def _written(part: Any) -> Iterator[Path]:
    """Yields every path in the settings that is written to."""
    if isinstance(part, BaseModel):
        for name in type(part).model_fields:
            value = getattr(part, name)
            if name == "path" and isinstance(value, str) and value != "-":
                yield Path(value)
            elif name not in READ_ONLY_KEYS:
                yield from _written(value)
    elif isinstance(part, tuple):
        for inner in part:
            yield from _written(inner)
    elif isinstance(part, Path):
        yield part
