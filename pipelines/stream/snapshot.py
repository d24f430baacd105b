"""One file with the state of one partition, which says itself what it belongs to.

Eight bytes that tell what it is, the CRC-32 of all that follows (four bytes, little-endian), and safetensors: the
arrays, and under the name "header" the bytes of a JSON object.
"""

import os
import stat
import zlib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from detector.errors import DataError
from detector.state import State

MAGIC = b"RWSNAP1\n"
MOST_BYTES = 1 << 32
_CRC_BYTES = 4
_HEADER = "header"
_NAME_CHARACTERS = 100


class Origin(BaseModel):
    """What a state belongs to; it is of use nowhere else.

    Attributes:
        group: that has read.
        topic: that was read.
        partition: of the topic.
        lineage: one uninterrupted reading of the partition by the group.
        model: version of the bundle.
        settings: hash of the settings that shape the state.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    group: str
    topic: str
    partition: int
    lineage: str
    model: str
    settings: str

    @property
    def file_name(self) -> str:
        """Name of the file, the same for every state of this partition and group."""
        whose = zlib.crc32(f"{self.group}\0{self.topic}".encode())
        return f"{quote(self.topic, safe='')[:_NAME_CHARACTERS]}-{self.partition}-{whose:08x}.snapshot"


class _Header(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    of: Origin
    upto: int = Field(ge=0)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of a partition.

    Attributes:
        of: what it belongs to.
        upto: the record before which all are in it, and no other.
        state: arrays by name.
    """

    of: Origin
    upto: int
    state: State


def save(folder: Path, snapshot: Snapshot) -> None:
    """Replaces the snapshot of a partition; after it returns, the new one survives a power cut.

    Raises:
        OSError: it cannot be written; the one before is still there, and nothing else.
    """
    header = _Header(of=snapshot.of, upto=snapshot.upto).model_dump_json().encode()
    arrays = {name: np.ascontiguousarray(array) for name, array in snapshot.state.items()}
    content = save_tensors({**arrays, _HEADER: np.frombuffer(header, np.uint8)})
    path = folder / snapshot.of.file_name
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)  # of a process that was killed
    try:
        with open(fresh, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(MAGIC + zlib.crc32(content).to_bytes(_CRC_BYTES, "little"))
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)
    place = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)


def load(path: Path) -> Snapshot | None:
    """Reads a snapshot, None if there is none. What its arrays hold is for whoever takes them up to check.

    Raises:
        DataError: the file is damaged, or no snapshot at all.
    """
    try:
        with open(path, "rb", opener=_regular) as file:
            content = file.read(min(os.fstat(file.fileno()).st_size, MOST_BYTES))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DataError(f"it cannot be read: {error.strerror}") from error
    crc, body = content[len(MAGIC) :][:_CRC_BYTES], memoryview(content)[len(MAGIC) + _CRC_BYTES :]
    if not content.startswith(MAGIC) or zlib.crc32(body).to_bytes(_CRC_BYTES, "little") != crc:
        raise DataError("it is damaged, or no snapshot of this version")
    try:
        arrays = load_tensors(bytes(body))
        header = _Header.model_validate_json(arrays.pop(_HEADER).tobytes())
    except ValidationError as error:
        raise DataError("its header is none of this version") from error
    except Exception as error:  # whatever a forged file makes the library raise
        raise DataError(f"its arrays cannot be read: {type(error).__name__}") from error
    return Snapshot(header.of, header.upto, arrays)


def _regular(name: str, flags: int) -> int:
    """Opens a file that is one: no link, and nothing that makes the reader wait or never ends."""
    found = os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
    if stat.S_ISREG(os.fstat(found).st_mode):
        return found
    os.close(found)
    raise OSError(0, "it is no file")
