"""What a source, a decoder and a sink are, and what passes between them; offsets travel with the payload.

A source delivers raw batches, a decoder turns them into readings and dead letters, a sink takes outputs. The loop
commits a checkpoint only after every sink has flushed.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from detector.types import DecisionBatch, Ints, ReadingBatch
from pipelines.clock import Clock, SystemClock

if TYPE_CHECKING:
    from detector.alerting.alert import Alert

NO_TIME = np.iinfo(np.int64).min
"""Record timestamp of a source that has none."""


class Position(NamedTuple):
    """How far a partition is done.

    Attributes:
        next_offset: the first record whose results are still to be written.
        rewind_offset: the first record that must be read again after a restart to rebuild the windows.
    """

    next_offset: int
    rewind_offset: int


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What is committed in one go.

    Attributes:
        positions: how far each partition is done; one that was never committed is absent.
        state: what cannot be rebuilt from the records read again (open alerts), fit for JSON; where every partition
            is on its own, by their numbers.
    """

    positions: Mapping[int, Position] = field(default_factory=dict)
    state: Mapping[str, Any] = field(default_factory=dict)


class Place(NamedTuple):
    """Where records come from, as people name it.

    Attributes:
        topic: of Kafka, or the name of a file or stream.
        partition: of the topic; 0 for files and streams.
    """

    topic: str
    partition: int


class Beginning(NamedTuple):
    """A partition that begins: what was known of it is to be forgotten and built from the records that follow.

    Attributes:
        checkpoint: of this partition alone.
        lost: records that were deleted before they could be read.
        lineage: changes when reading goes on anywhere but where it had come to; state of another lineage is of no use.
        skip: has reading begin at this offset, not at the rewind offset; for whoever knows what lies between, to be
            called before the next poll.
    """

    checkpoint: Checkpoint
    lost: int
    lineage: str
    skip: Callable[[int], None]


@dataclass(frozen=True, slots=True)
class RawBatch:
    """Records of one poll, in order of arrival within each partition.

    Attributes:
        records: [B] the bytes of every record.
        keys: [B] the key of every record, None where it has none; for files the series name.
        partition: [B] int32.
        offset: [B] int64, position of the record in its partition.
        timestamp_ns: [B] int64, the record's own timestamp, ``NO_TIME`` where the source has none.
        header: column names if the records are lines of delimited text, None if they describe themselves.
        begun: partitions that begin with this poll; a source that tells them treats every partition on its own.
        ended: partitions that are no longer read here.
        unread: records that the source itself could not read; told in a poll without others.
        waiting: how many records are known to come after these, by partition.
        assigned: whether a group has told this member what is its share, be it nothing.
    """

    records: Sequence[bytes]
    keys: Sequence[str | None]
    partition: Ints
    offset: Ints
    timestamp_ns: Ints
    header: tuple[str, ...] | None = None
    begun: Mapping[int, Beginning] = field(default_factory=dict)
    ended: Sequence[int] = ()
    unread: "Sequence[DeadLetter]" = ()
    waiting: Mapping[int, int] = field(default_factory=dict)
    assigned: bool = True

    def __len__(self) -> int:
        return len(self.offset)

    def part(self, start: int, stop: int) -> "RawBatch":
        """Returns the records from ``start`` up to ``stop``, without what begins or ends with them."""
        cut = slice(start, stop)
        return RawBatch(
            self.records[cut],
            self.keys[cut],
            self.partition[cut],
            self.offset[cut],
            self.timestamp_ns[cut],
            self.header,
        )


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One record that could not be read.

    Attributes:
        partition: its partition.
        offset: its position.
        reason: one of a few short words, fit for a metric label.
        detail: a sentence for people.
        record: the whole record as it came.
        key: of the record, None where it has none.
        topic: name of what it was read from; empty, and ``partition`` a number of this process, before the loop
            has set both to its ``Place``.
    """

    partition: int
    offset: int
    reason: str
    detail: str
    record: bytes
    key: str | None = None
    topic: str = ""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a decoder made of a ``RawBatch``.

    Attributes:
        readings: their series are places in ``keys``.
        keys: names of the series, in the order in which they are first met.
        rejects: the records that hold no reading.
    """

    readings: ReadingBatch
    keys: Sequence[str]
    rejects: Sequence[DeadLetter] = ()


@dataclass(frozen=True, slots=True)
class Output:
    """Results of one micro-batch, as every sink receives them.

    Attributes:
        keys: [S] names of series by their ids, None where an id is not in use.
        channels: [F] channel names.
        decisions: [B] scores set against the limit.
        alerts: alerts that changed their state.
        dead_letters: records that could not be read.
        partition: where all of it comes from, None if from several.
        version: of the bundle that judged.
        silent: names of series that fell silent for good; their state is gone.
    """

    keys: Sequence[str | None]
    channels: tuple[str, ...]
    decisions: DecisionBatch
    alerts: "Sequence[Alert]" = field(default_factory=list)
    dead_letters: Sequence[DeadLetter] = field(default_factory=list)
    partition: int | None = None
    version: str = ""
    silent: Sequence[str] = ()

    @property
    def names(self) -> NDArray[np.object_]:
        """Name of the series of every decision, [B]."""
        return np.array([self.keys[series] for series in self.decisions.series.tolist()], object)


class Source(Protocol):
    """A stream of records that can be read again from a committed position."""

    def poll(self, timeout_s: float) -> RawBatch | None:
        """Returns the next records, an empty batch if none came within ``timeout_s``, None at the end of the stream.

        Reading begins at the committed rewind offsets.

        Raises:
            SourceLost: the stream cannot be read any more.
        """

    def committed(self) -> Checkpoint:
        """Returns what the last commit remembered, an empty checkpoint if there was none."""

    def commit(self, checkpoint: Checkpoint) -> None:
        """Remembers ``checkpoint``, durably if the source can.

        Raises:
            TransactionAborted: it could not, and what was written is taken back; the next poll begins anew.
        """

    def rewind(self) -> None:
        """Goes back to the committed rewind offsets, as after a restart; called between two commits."""

    def place(self, partition: int) -> Place:
        """Returns what people call the partition of this number in batches."""

    def close(self) -> None:
        """Releases what the source holds; called once."""


class Decoder(Protocol):
    """Turns the records of one wire format into columns; it keeps no state, so polls may be decoded ahead."""

    def decode(self, batch: RawBatch) -> Decoded:
        """Reads a whole poll; a record that cannot be read becomes a dead letter and never raises."""


class Deliveries(Protocol):
    """Where sinks that deliver in a thread of their own count what becomes of alerts."""

    def sent(self, sink: str, alerts: int) -> None:
        """The receiver took alerts."""

    def dropped(self, sink: str, alerts: int) -> None:
        """Alerts were given up."""

    def waiting(self, sink: str, alerts: int) -> None:
        """So many alerts are still to be delivered."""


class Uncounted:
    """Deliveries that nobody counts."""

    def sent(self, sink: str, alerts: int) -> None:
        """Counts nothing."""

    def dropped(self, sink: str, alerts: int) -> None:
        """Counts nothing."""

    def waiting(self, sink: str, alerts: int) -> None:
        """Counts nothing."""


class Context(NamedTuple):
    """What a sink may need to know when it is opened.

    Attributes:
        source: whose records the results come from.
        detector: name of the detector.
        deliveries: counts what becomes of alerts.
        clock: wall time.
    """

    source: Source
    detector: str
    deliveries: Deliveries = Uncounted()
    clock: Clock = SystemClock()


class Sink(ABC):
    """A place for results; most sinks override only ``write``."""

    @abstractmethod
    def write(self, output: Output) -> None:
        """Takes the results of one micro-batch.

        Raises:
            SinkUnavailable: they could not be taken.
        """

    def flush(self) -> None:  # noqa: B027 - nothing to do for most sinks
        """Makes everything written so far visible to readers; the positions are committed after it."""

    def close(self) -> None:  # noqa: B027 - nothing to do for most sinks
        """Releases what the sink holds; called once, after the last flush."""
