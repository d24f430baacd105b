"""What the Kafka client says, in words that help."""

import pytest
from kafka.errors import InvalidTimestampError, KafkaError

from detector.errors import SourceLost, TransactionAborted
from pipelines.io.kafka.failures import errors


def test_a_clock_that_kafka_does_not_believe_is_named() -> None:
    why = KafkaError("a request has failed", InvalidTimestampError("rejected due to invalid timestamp"))
    with (
        pytest.raises(TransactionAborted, match=r"write: this machine's clock is wrong.*LogAppendTime"),
        errors("cannot write", aborted=True),
    ):
        raise why


def test_an_error_without_words_is_named_by_its_kind() -> None:
    with pytest.raises(SourceLost, match=r"cannot read: .*KafkaError"), errors("cannot read"):
        raise KafkaError
