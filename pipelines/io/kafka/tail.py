"""Reads a topic of results from its end or its beginning, without a group."""

from detector.errors import ConfigError
from pipelines.io.kafka.config import KafkaConnection
from pipelines.io.kafka.reader import Reader

_TIMEOUT_S = 10.0


class Tail:
    """The visible records of all partitions of a topic.

    Args:
        connection: where it is.
        topic: its name.
        from_start: begin with the oldest record.

    Raises:
        ConfigError: the topic does not exist.
    """

    def __init__(self, connection: KafkaConnection, topic: str, from_start: bool) -> None:
        self._reader = Reader(connection, {"group_id": None})
        self._partitions = self._reader.partitions(topic)
        if not self._partitions:
            raise ConfigError(f"topic {topic} does not exist, or may not be read.")
        self._reader.assign(self._partitions)
        for at, held in self._reader.ends(self._partitions, _TIMEOUT_S).items():
            self._reader.start(at, held.start if from_start else held.stop)

    def poll(self) -> list[bytes]:
        """Returns what has become visible; waits a little if there is nothing."""
        found = self._reader.poll(0.5, 500)
        return [record.value for part in found.values() for record in part if record.value]

    def ended(self) -> bool:
        """Tells whether everything visible has been returned."""
        ends = self._reader.ends(self._partitions, _TIMEOUT_S)
        return all(self._reader.position(at) >= held.stop for at, held in ends.items())

    def close(self) -> None:
        """Stops reading."""
        self._reader.close()
