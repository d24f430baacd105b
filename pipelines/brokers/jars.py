"""Fetches the jars of Apache Kafka from Maven's central repository, once per user."""

import logging
import os
import shutil
import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from detector.errors import ConfigError, SourceLost

if TYPE_CHECKING:
    from jgo.maven import Artifact, MavenContext

logger = logging.getLogger(__name__)

KAFKA_VERSION = "4.2.0"
COORDINATES = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}+org.slf4j:slf4j-simple:1.7.36"
_LOCK_TIMEOUT_S = 600
_CONNECTIONS = 8


def cache_dir() -> Path:
    """Returns where downloads outlive a run: ``RECONWATCH_CACHE_DIR``, or the user's cache directory."""
    if named := os.environ.get("RECONWATCH_CACHE_DIR"):
        return Path(named)
    from platformdirs import user_cache_path

    return user_cache_path("reconwatch")


def kafka_jars() -> list[Path]:
    """Returns the jars of the pinned Apache Kafka, downloaded by the first caller and shared by all later ones.

    Processes that ask at the same time wait for one download; an interrupted download goes on where it stopped.

    Raises:
        ConfigError: the extra ``broker`` is not installed.
        SourceLost: the jars are not there yet and cannot be downloaded.
    """
    try:
        import filelock
        import jgo  # noqa: F401
    except ImportError as error:
        raise ConfigError(f"{error.name} is missing: a local Kafka needs 'pip install reconwatch[broker]'.") from error
    home = cache_dir() / f"kafka-{KAFKA_VERSION}"
    listing = home / "classpath.txt"
    home.mkdir(parents=True, exist_ok=True)
    try:
        with filelock.FileLock(home / "lock", timeout=_LOCK_TIMEOUT_S):
            if not (jars := _listed(listing)):
                jars = _download(home / "repository")
                written = listing.with_suffix(".new")
                written.write_text("\n".join(str(jar.relative_to(home)) for jar in jars))
                written.replace(listing)
            return jars
    except filelock.Timeout as error:
        raise SourceLost(
            f"Another process has held {home / 'lock'} for {_LOCK_TIMEOUT_S} s: wait for its download, or end it."
        ) from error


def _listed(listing: Path) -> list[Path]:
    if not listing.exists():
        return []
    jars = [listing.parent / line for line in listing.read_text().splitlines()]
    return jars if all(jar.exists() for jar in jars) else []


def _download(repository: Path) -> list[Path]:
    from jgo.maven import MavenContext, MvnResolver, PythonResolver

    logger.info("Downloading Apache Kafka %s (46 MB) to %s", KAFKA_VERSION, repository)
    _drop_damaged(repository)
    maven = shutil.which("mvn")
    resolver = MvnResolver(Path(maven)) if maven else PythonResolver()
    context = MavenContext(repo_cache=repository, resolver=resolver)
    try:
        artifacts = _artifacts(context)
        with ThreadPoolExecutor(_CONNECTIONS) as pool:
            return list(pool.map(lambda artifact: artifact.resolve(), artifacts))
    except (OSError, RuntimeError, ValueError) as error:
        cause = " ".join(str(error).split())[:300]
        raise SourceLost(
            f"Apache Kafka {KAFKA_VERSION} could not be downloaded ({cause}): connect to a Maven repository once, "
            "or name a broker of your own in RECONWATCH_TEST_KAFKA."
        ) from error


def _artifacts(context: "MavenContext") -> "Sequence[Artifact]":
    from dataclasses import replace

    from jgo.parse import Endpoint

    wanted = [
        context.create_dependency(replace(coordinate, scope="compile"))
        for coordinate in Endpoint.parse(COORDINATES).coordinates
    ]
    named, transitive = context.resolver.resolve(wanted)
    return [item.artifact for item in (*named, *transitive) if item.scope in ("compile", "runtime")]


def _drop_damaged(repository: Path) -> None:
    """Removes what an interrupted download may have left half written: bad jars, and every small file."""
    for path in repository.rglob("*"):
        if path.is_file() and not (path.suffix == ".jar" and zipfile.is_zipfile(path)):
            path.unlink()
