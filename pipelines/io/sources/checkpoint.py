"""The checkpoint of a file replay: a small JSON file, written whole or not at all."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from detector.errors import DataError, SinkUnavailable
from pipelines.io.base import Checkpoint, Position


class _Stored(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version: Literal[1] = 1
    files: dict[str, Position]
    state: dict[str, Any]


def save(path: Path, names: Sequence[str], checkpoint: Checkpoint) -> None:
    """Replaces the checkpoint; after it returns, the new one survives a power cut.

    Raises:
        SinkUnavailable: it cannot be written.
    """
    files = {names[partition]: position for partition, position in checkpoint.positions.items()}
    content = _Stored(files=files, state=dict(checkpoint.state)).model_dump_json()
    fresh = path.with_name(f".{path.name}.new")
    try:
        with fresh.open("w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
    except OSError as error:
        raise SinkUnavailable(f"cannot write the checkpoint {path}: {error.strerror}; check the folder.") from error


def load(path: Path, names: Sequence[str]) -> Checkpoint:
    """Reads the checkpoint; an absent file is an empty one, files no longer listed are left out.

    Raises:
        DataError: the file is no checkpoint.
    """
    try:
        stored = _Stored.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return Checkpoint()
    except (OSError, ValidationError) as error:
        raise DataError(f"{path} is no checkpoint of this version; remove it to begin anew.") from error
    positions = {at: stored.files[name] for at, name in enumerate(names) if name in stored.files}
    return Checkpoint(positions, stored.state)
