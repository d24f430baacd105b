"""Programs that tests run beside the daemon; ``make tools`` brings them, and tests skip where they are missing."""

import shutil

import pytest

from pipelines.brokers.jars import cache_dir


def tool(name: str) -> str:
    """Returns the path of a program, or skips the test: ``promtool``, ``alertmanager``, ``helm``, ..."""
    places = ["/usr/sbin", "/sbin", str(cache_dir() / "tools")]
    names = (name, f"prometheus-{name}")  # Debian puts the project before the program
    found = next(filter(None, (shutil.which(n, path=p) for p in [None, *places] for n in names)), None)
    if found is None:
        pytest.skip(f"needs {name}; 'make tools' installs it")
    return found
