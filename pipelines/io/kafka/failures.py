"""Failures of the Kafka client in our words."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from kafka import TopicPartition
from kafka.errors import (
    AuthorizationError,
    FencedInstanceIdError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    ProducerFencedError,
)

from detector.errors import ConfigError, SourceLost, TransactionAborted
from pipelines.io.kafka.causes import cause
from pipelines.io.kafka.deadline import Overdue


class OutOfRange(Exception):
    """The log no longer holds the record that was to be read next."""


class Damaged(Exception):
    """A record is there but cannot be taken out of its batch.

    Attributes:
        partition: it lies in.
        offset: of the record.
    """

    def __init__(self, partition: TopicPartition, offset: int, why: Exception) -> None:
        super().__init__(f"{type(why).__name__} {' '.join(str(why).split())}")
        self.partition, self.offset = partition, offset


@contextmanager
def errors(what: str, aborted: bool = False) -> Iterator[None]:
    """Tells failures of the client in our words.

    Args:
        what: what failed, the beginning of the sentence.
        aborted: whether reading again may help.
    """
    retry = TransactionAborted if aborted else SourceLost
    begin_s = time.monotonic()
    try:
        yield
    except (ProducerFencedError, FencedInstanceIdError) as error:
        raise SourceLost(
            f"{what}: another instance of this name has taken over; give each its own instance."
        ) from error
    except AuthorizationError as error:
        raise ConfigError(f"{what}: Kafka does not allow it ({error}); check the rights of the user.") from error
    except OffsetOutOfRangeError as error:
        raise OutOfRange from error
    except NoOffsetForPartitionError:
        raise
    except Overdue as error:
        raise retry(f"{what}: no answer in time.") from error
    except KafkaError as error:
        told = " ".join(str(error).split()) or type(error).__name__
        if "InvalidTimestamp" in told:
            told = (
                "this machine's clock is wrong for Kafka; set it, or the topic's message.timestamp.type to "
                f"LogAppendTime ({told})"
            )
        why = f" ({found})" if (found := cause(begin_s)) else ""
        raise retry(f"{what}: {told[:400]}{why}.") from error
    except (ValueError, AssertionError) as error:
        raise ConfigError(f"{what}: {error}; check the settings under client.") from error
