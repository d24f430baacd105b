"""Changes bundles as someone would who knows their format: hashes and seal are made to fit."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any


def manifest_of(bundle: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((bundle / "manifest.json").read_text())
    return found


def reseal(bundle: Path, manifest: dict[str, Any], files: Mapping[str, bytes] = MappingProxyType({})) -> None:
    """Writes files and the manifest that goes with them."""
    for name, content in files.items():
        (bundle / name).write_bytes(content)
        manifest["sha256"][name] = hashlib.sha256(content).hexdigest()
    manifest.pop("seal", None)
    plain = (json.dumps(manifest, indent=2, sort_keys=True) + "\n").encode()
    manifest["seal"] = hashlib.sha256(plain).hexdigest()
    (bundle / "manifest.json").write_text(json.dumps(manifest))
