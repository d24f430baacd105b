"""Which records of a topic lie between two moments or two positions."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from kafka import TopicPartition

from detector.errors import ConfigError
from pipelines.io.base import NO_TIME
from pipelines.io.decoders.times import parse
from pipelines.io.kafka.config import KafkaConfig
from pipelines.io.kafka.reader import Reader

NS_PER_MS = 1_000_000


class Span(NamedTuple):
    """Records of one partition.

    Attributes:
        rewind: offset from which windows are filled, without results.
        begin: offset of the first record that gives results.
        end: offset behind the last one.
    """

    rewind: int
    begin: int
    end: int


@dataclass(frozen=True)
class Bound:
    """One end of a range: a moment, or offsets of partitions; the end of the log where neither is given.

    Attributes:
        time_ms: milliseconds since 1970, compared with the timestamps of records.
        offsets: by partition.
    """

    time_ms: int | None = None
    offsets: Mapping[int, int] = field(default_factory=dict)


def bound(texts: Sequence[str], option: str) -> Bound:
    """Reads a moment (ISO-8601 or a whole number since 1970) or any number of PARTITION:OFFSET.

    Args:
        texts: what stood at the option, each time.
        option: its name, for complaints.

    Raises:
        ConfigError: it is neither.
    """
    if texts and all(re.fullmatch(r"\d+:\d+", text) for text in texts):
        return Bound(offsets=dict(tuple(map(int, text.split(":"))) for text in texts))  # type: ignore[misc]
    if len(texts) > 1:
        raise ConfigError(f"{option} is given {len(texts)} times; give one time, or PARTITION:OFFSET each time.")
    (time_ns,), (bad,) = parse(texts or [None], "auto")
    if bad:
        raise ConfigError(f"{option} {texts[0]} is neither a time (2026-03-09T12:00:00Z) nor PARTITION:OFFSET.")
    return Bound() if time_ns == NO_TIME else Bound(int(time_ns) // NS_PER_MS)


def spans(source: KafkaConfig, since: Bound, until: Bound, warm_up: int) -> dict[TopicPartition, Span]:
    """Returns the records between two bounds, of the partitions that are named, else of all.

    Args:
        source: names the topics.
        since: the first record.
        until: the record behind the last.
        warm_up: records before the first that fill the windows, at most.

    Raises:
        ConfigError: there is no such record.
    """
    if not source.topics:
        raise ConfigError("source has a pattern and no topics; name them: --set 'source.topics=[...]'.")
    named = since.offsets.keys() | until.offsets.keys()
    if named and len(source.topics) > 1:
        raise ConfigError(f"an offset belongs to one topic, and source has {len(source.topics)}; --set one of them.")
    reader = Reader(source.connection, {"group_id": None})
    try:
        places = [at for topic in source.topics for at in reader.partitions(topic)]
        if missing := named - {at.partition for at in places}:
            raise ConfigError(f"{source.topics[0]} has no partition {min(missing)}, or may not be read; see the topic.")
        places = [at for at in places if not named or at.partition in named]
        held = reader.ends(places, source.transaction_timeout_s)
        first = _offsets(reader, since, {at: log.start for at, log in held.items()}, held)
        last = _offsets(reader, until, {at: log.stop for at, log in held.items()}, held)
    finally:
        reader.close()
    found = {
        at: Span(max(held[at].start, first[at] - warm_up), first[at], last[at]) for at in places if first[at] < last[at]
    }
    if not found:
        raise ConfigError(f"no record of {', '.join(source.topics)} lies between --from and --to; see reconwatch lag.")
    return found


def _offsets(
    reader: Reader, at_end: Bound, otherwise: Mapping[TopicPartition, int], held: Mapping[TopicPartition, range]
) -> dict[TopicPartition, int]:
    """Returns an offset per partition: as given, of the first record at or after the moment, or as otherwise."""
    if at_end.time_ms is not None:
        later = reader.at_time(list(held), at_end.time_ms)
        return {at: log.stop if later[at] is None else int(later[at] or 0) for at, log in held.items()}
    found = {at: at_end.offsets.get(at.partition, offset) for at, offset in otherwise.items()}
    for at, offset in found.items():
        if not held[at].start <= offset <= held[at].stop:
            raise ConfigError(
                f"{at.topic}[{at.partition}] holds offsets {held[at].start} to {held[at].stop - 1}, {offset} is not "
                "among them; choose one that is."
            )
    return found
