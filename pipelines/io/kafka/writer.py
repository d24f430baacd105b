"""Writes transactions, each call under a deadline: a producer whose coordinator died may never answer again."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from kafka import KafkaProducer, TopicPartition
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

from pipelines.io.kafka.access import options as access
from pipelines.io.kafka.config import KafkaConnection
from pipelines.io.kafka.deadline import Overdue, within
from pipelines.io.kafka.failures import errors

log = logging.getLogger(__name__)

Offsets = Mapping[TopicPartition, tuple[int, str]]
"""Next offset and metadata of every partition."""


class Writer:
    """A producer of transactions under one stable name; one that failed is replaced by a new one of the same name.

    Args:
        connection: where to write.
        name: transactional id; a newer writer of the same name fences this one.
        timeout_s: limit of every call.
        options: settings of the producer besides.
    """

    def __init__(self, connection: KafkaConnection, name: str, timeout_s: float, options: Mapping[str, Any]) -> None:
        self._options = {
            **access(connection),
            "transactional_id": name,
            "transaction_timeout_ms": 15_000,
            "max_block_ms": round(1000 * timeout_s),
            "max_request_size": 1 << 20,
            "batch_size": 900_000,  # several records of many scores travel together, and stay below Kafka's limit
            "compression_type": "lz4",
            "linger_ms": 5,
            "metrics_enabled": False,
            **options,
        }
        self._timeout_s = timeout_s
        self._producer = self._started()
        self._open = False

    @property
    def largest_bytes(self) -> int:
        """Size of the largest record that can be written."""
        return int(self._options["max_request_size"])

    def send(
        self,
        topic: str,
        partition: int | None,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]],
    ) -> None:
        """Adds a record to the open transaction, or to a new one.

        Raises:
            TransactionAborted: the transaction cannot go on.
        """
        with errors(f"cannot write to topic {topic}", aborted=True):
            self._begin()
            sent = self._producer.send(topic, value, key=key, headers=list(headers), partition=partition)
            if sent.failed():  # the client does not raise what keeps a record out of the transaction
                raise sent.exception

    def commit(self, offsets: Offsets, membership: Any) -> None:
        """Ends the transaction with these offsets.

        Raises:
            TransactionAborted: it failed, or nobody knows.
        """
        stored = {at: OffsetAndMetadata(offset, metadata, -1) for at, (offset, metadata) in offsets.items()}
        with errors("the transaction failed", aborted=True):
            self._begin()
            if stored:
                within(self._timeout_s, lambda: self._producer.send_offsets_to_transaction(stored, membership))
            within(self._timeout_s, self._producer.commit_transaction)
            self._open = False

    def recover(self) -> None:
        """Goes on with a new producer, which makes Kafka abort what the old one has left open.

        The old one is not asked to abort: after a refused batch it loses records of the transaction that follows, and
        one whose coordinator died never answers.

        Raises:
            TransactionAborted: that did not work this time; try again.
            SourceLost: another writer has taken our name.
        """
        with errors("cannot recover the transaction", aborted=True):
            old, self._producer = self._producer, self._started(again=True)
        self._open = False
        try:
            within(self._timeout_s, lambda: old.close(timeout=0))
        except (Overdue, KafkaError) as error:
            log.warning("the old producer does not end: %s", type(error).__name__)

    def close(self) -> None:
        """Aborts what is open and ends; what cannot be aborted any more ends by Kafka's own time limit."""
        try:
            if self._open:
                within(self._timeout_s, self._producer.abort_transaction)
            within(self._timeout_s, lambda: self._producer.close(timeout=self._timeout_s / 2))
        except (Overdue, KafkaError) as error:
            log.warning("left Kafka without ending the transaction: %s", type(error).__name__)

    def _begin(self) -> None:
        if not self._open:
            self._producer.begin_transaction()
            self._open = True

    def _started(self, again: bool = False) -> KafkaProducer:
        with errors("cannot start a transactional producer", aborted=again):
            producer = within(2 * self._timeout_s, lambda: KafkaProducer(**self._options))
            within(2 * self._timeout_s, producer.init_transactions)
            return producer
