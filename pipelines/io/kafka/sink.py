"""Topics as a sink: results of input partition p go to output partition p, in the transaction of their offsets."""

from collections.abc import Iterator
from typing import NamedTuple

import orjson

from detector.errors import ConfigError
from pipelines.io.base import Context, DeadLetter, Output, Sink
from pipelines.io.kafka.config import KafkaSinkConfig
from pipelines.io.kafka.source import KafkaSource
from pipelines.io.sinks import score_batch
from pipelines.io.sinks.records import CONTENTS, dead_letter

_OVERHEAD_BYTES = 1024
"""Room for the headers of a record and the head of a batch."""


class Message(NamedTuple):
    """One record to write."""

    key: str | None
    value: bytes


class KafkaSink(Sink):
    """Writes into the open transaction of the source; readers see it when the offsets are committed."""

    def __init__(self, config: KafkaSinkConfig, context: Context) -> None:
        if not isinstance(context.source, KafkaSource):
            raise ConfigError(f"the sink of topic {config.topic} needs source.kind kafka, whose transactions it joins.")
        self._config, self._source = config, context.source
        batched = config.content == "scores" and config.batched
        self._detector = context.detector
        schema = f"scores-batch/{score_batch.VERSION}" if batched else f"{config.content}/1"
        self._schema = ("reconwatch-schema", schema.encode())

    def write(self, output: Output) -> None:
        """Adds the results to the transaction.

        Raises:
            TransactionAborted: the transaction cannot go on.
        """
        if output.partition is None:
            raise ConfigError(f"topic {self._config.topic} takes results of one partition at a time.")
        topic, partition = self._source.place(output.partition)
        judge = ("reconwatch-detector", f"{self._detector}@{output.version}".encode())
        headers = [self._schema, judge, ("reconwatch-source", f"{topic}/{partition}".encode())]
        for key, value in self._messages(output):
            self._source.send(self._config.topic, partition, key.encode() if key else None, value, headers)

    def _messages(self, output: Output) -> Iterator[Message]:
        if self._config.content == "scores" and self._config.batched:
            for record in score_batch.packed(output):
                yield Message(None, record)
            return
        if self._config.content == "dead_letters":
            for letter in output.dead_letters:
                yield Message(letter.key, fitted(letter, self._source.largest_bytes))
            return
        for row in CONTENTS[self._config.content](output):
            yield Message(row["series"], orjson.dumps(row))


def fitted(letter: DeadLetter, most_bytes: int) -> bytes:
    """Returns a dead letter as JSON; of an original too long for ``most_bytes`` it keeps the beginning."""
    around = len(orjson.dumps(dead_letter(letter, b""))) + _OVERHEAD_BYTES + len(letter.key or "")
    room = max(0, most_bytes - around) // 4 * 3  # base64 writes three bytes as four
    return orjson.dumps(dead_letter(letter, letter.record[:room]))
