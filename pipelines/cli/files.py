"""Files that verbs write, whole or not at all."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from detector.errors import SinkUnavailable


def check_writable(path: Path) -> None:
    """Refuses a place that cannot be written, before any work is done for it.

    Raises:
        SinkUnavailable: the folder is missing, the place is a folder, or permission is denied.
    """
    folder = path.parent
    if not folder.is_dir():
        raise SinkUnavailable(f"cannot write {path}: the folder {folder} does not exist; create it first.")
    if path.is_dir():
        raise SinkUnavailable(f"cannot write {path}: it is a folder; name a file.")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise SinkUnavailable(f"cannot write {path}: permission denied; choose another place.")


def made_folder(path: Path) -> None:
    """Makes a folder for results, if there is none.

    Raises:
        SinkUnavailable: it cannot be made, or nothing can be written into it.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SinkUnavailable(f"cannot make the folder {path}: {error.strerror}; choose another place.") from error
    if not os.access(path, os.W_OK):
        raise SinkUnavailable(f"cannot write into {path}: permission denied; choose another place.")


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Writes a file whole or not at all: ``write`` receives a temporary path on the same disk.

    Raises:
        SinkUnavailable: the file cannot be written.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=".reconwatch.", dir=path.parent) as folder:
            fresh = Path(folder) / path.name
            write(fresh)
            os.replace(fresh, path)
    except OSError as error:
        raise SinkUnavailable(f"cannot write {path}: {error.strerror}; choose another place.") from error
