"""Files of Go modules that tests compare with: schemas and definitions as their projects publish them."""

import functools
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest


@functools.cache
def module(path: str, version: str) -> Path:
    """Returns the folder of a module, downloaded once; skips the test where that cannot be."""
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    if go is None:
        pytest.skip("needs go, which brings the schemas: install it from go.dev")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "go.mod").write_text("module schemas\n")
        command = [go, "mod", "download", "-json", f"{path}@{version}"]
        told = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100)
    found = json.loads(told.stdout or "{}")
    if "Dir" not in found:
        pytest.skip(f"needs {path}: {found.get('Error') or told.stderr}")
    return Path(found["Dir"])
