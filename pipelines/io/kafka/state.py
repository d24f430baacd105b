"""What cannot be rebuilt from the input log (open alerts), in a compacted topic beside it.

A state is written in the transaction of the results that changed it, under the key of its input partition and to the
partition of that number, and carries a version: the offset up to which it holds. The committed offsets name the
version that belongs to them, so a reader knows when it has found the right one. A state too long for one record
(thousands of open alerts) is cut into parts, each under a key of its own.
"""

import time
from collections.abc import Iterator
from typing import Any

import orjson

from detector.errors import ConfigError, TransactionAborted
from pipelines.io.kafka.config import KafkaConfig
from pipelines.io.kafka.reader import Reader
from pipelines.io.kafka.writer import Writer

HEADERS = [("reconwatch-schema", b"state/1")]
PART_CHARACTERS = 200_000
"""At most 4 bytes each, so that a part stays below the usual limit of 1 MB."""


class StateTopic:
    """The states of the input partitions of one group.

    Args:
        config: of the source.

    Raises:
        ConfigError: the topic does not exist.
    """

    def __init__(self, config: KafkaConfig) -> None:
        self._topic, self._group = str(config.state_topic), config.group
        self._reader = Reader(config.connection, {"group_id": None})
        self._partitions = self._reader.partitions(self._topic)
        if not self._partitions:
            raise ConfigError(f"topic {self._topic} does not exist; create it, compacted, or set source.state_topic.")
        self._written: dict[Any, tuple[int, bytes]] = {}

    def write(self, writer: Writer, at: Any, state: Any, version: int) -> int:
        """Adds the state of an input partition to the transaction if it has changed; returns the version that holds."""
        content = orjson.dumps(state, option=orjson.OPT_SORT_KEYS)
        before = self._written.get(at)
        if before and before[1] == content:
            return before[0]
        for key, value in _records(self._key(at), version, state, content.decode()):
            writer.send(self._topic, self._home(at).partition, key, value, HEADERS)
        self._written[at] = (version, content)
        return version

    def read(self, at: Any, version: int, timeout_s: float) -> Any:
        """Returns the state of an input partition in this version, an empty one if none was ever written.

        Raises:
            TransactionAborted: it did not appear in time.
        """
        self._written.pop(at, None)
        if not version:
            return {}
        home, key = self._home(at), self._key(at)
        self._reader.assign([home])
        self._reader.start(home, self._reader.ends([home], timeout_s)[home].start)
        deadline_s, parts = time.monotonic() + timeout_s, dict[int, str]()
        while time.monotonic() < deadline_s:
            for record in self._reader.poll(0.2, 10_000).get(home, ()):
                if record.value is None or not _of(key, record.key):
                    continue
                found = orjson.loads(record.value)
                if found["version"] != version:
                    continue
                state = found["state"]
                if "parts" in found:
                    parts[found["part"]] = state
                    if len(parts) < found["parts"]:
                        continue
                    state = orjson.loads("".join(parts[part] for part in sorted(parts)))
                self._written[at] = (version, orjson.dumps(state, option=orjson.OPT_SORT_KEYS))
                return state
        raise TransactionAborted(f"version {version} of the state of {key.decode()} is not in topic {self._topic} yet.")

    def close(self) -> None:
        """Stops reading."""
        self._reader.close()

    def _home(self, at: Any) -> Any:
        return self._partitions[at.partition % len(self._partitions)]

    def _key(self, at: Any) -> bytes:
        return f"{self._group}/{at.topic}/{at.partition}".encode()


def _of(key: bytes, found: bytes | None) -> bool:
    """Returns whether a record's key is that of a state, or of a part of it."""
    whole, _, part = (found or b"").rpartition(b"#")
    return found == key or (whole == key and part.isdigit())


def _records(key: bytes, version: int, state: Any, text: str) -> Iterator[tuple[bytes, bytes]]:
    """Gives key and value of the records that hold a state: one, or as many as its text needs."""
    parts = -(-len(text) // PART_CHARACTERS)
    if parts == 1:
        yield key, orjson.dumps({"v": 1, "version": version, "state": state})
        return
    for part in range(parts):
        cut = text[part * PART_CHARACTERS : (part + 1) * PART_CHARACTERS]
        value = {"v": 1, "version": version, "part": part, "parts": parts, "state": cut}
        yield b"%s#%d" % (key, part), orjson.dumps(value)
