"""Looks at the newest records of the input: can they be read, and are their times plausible?"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from kafka import TopicPartition

from detector.bundle import Bundle
from detector.errors import ReconwatchError
from detector.types import ReadingBatch
from pipelines.clock import Clock
from pipelines.doctor.finding import Finding, failed, fine
from pipelines.io.base import DeadLetter, RawBatch
from pipelines.io.decoders.table import open_decoder
from pipelines.io.kafka.config import KafkaConfig
from pipelines.io.kafka.reader import Reader
from pipelines.settings import Settings

SAMPLE_RECORDS = 100
READ_S = 5.0
AHEAD_S = 60.0
"""Event times further ahead of this machine's clock than this mean that a clock, or the unit of the times, is wrong."""
NS_PER_S = 1_000_000_000


def examine(settings: Settings, source: KafkaConfig, bundle: Bundle, clock: Clock) -> Iterator[Finding]:
    """Decodes the newest records of every topic as the daemon would, without joining the group."""
    try:
        reader = Reader(source.connection, {"group_id": None})
    except ReconwatchError:
        return  # told with the brokers already
    try:
        for topic in source.topics:
            try:
                yield _topic(f"records of {topic}", settings, _newest(reader, topic), bundle, clock)
            except ReconwatchError as error:
                yield failed(f"records of {topic}", error)
    finally:
        reader.close()


def _newest(reader: Reader, topic: str) -> list[Any]:
    partitions = reader.partitions(topic)
    ends = reader.ends(partitions, READ_S)
    filled = {at: ends[at] for at in partitions if len(ends[at])}
    reader.assign(list(filled))
    for at, offsets in filled.items():
        reader.start(at, max(offsets.start, offsets.stop - SAMPLE_RECORDS // len(filled) - 1))
    found: dict[TopicPartition, list[Any]] = {}
    while len(found) < len(filled):
        polled = reader.poll(READ_S, SAMPLE_RECORDS)
        if not polled:
            break
        for at, records in polled.items():
            found.setdefault(at, []).extend(records)
    return [record for records in found.values() for record in records]


def _topic(subject: str, settings: Settings, records: list[Any], bundle: Bundle, clock: Clock) -> Finding:
    if not records:
        return Finding(subject, "warn", "there are none yet", "start what writes them")
    batch = RawBatch(
        [record.value or b"" for record in records],
        [None if record.key is None else record.key.decode("utf-8", "replace") for record in records],
        np.zeros(len(records), np.int32),
        np.array([record.offset for record in records], np.int64),
        np.array([1_000_000 * record.timestamp for record in records], np.int64),
    )
    decoded = open_decoder(settings.decoder, bundle.detector.schema).decode(batch)
    if decoded.rejects:
        return _unreadable(subject, decoded.rejects, len(records))
    return _times(subject, decoded.readings, len(records), clock)


def _unreadable(subject: str, rejects: Sequence[DeadLetter], records: int) -> Finding:
    reason, count = Counter(one.reason for one in rejects).most_common(1)[0]
    detail = next(one.detail for one in rejects if one.reason == reason).rstrip(".")
    told = f"{len(rejects)} of the newest {records} cannot be read, {count} of them for {reason}: {detail}"
    advice = "see the section decoder: kind, timestamp, entity and channels must fit the records"
    return Finding(subject, "fail" if len(rejects) == records else "warn", told, advice)


def _times(subject: str, readings: ReadingBatch, records: int, clock: Clock) -> Finding:
    ahead_s = readings.time_ns.max() / NS_PER_S - clock.now_s()
    told = f"the newest {records} can be read, {len(np.unique(readings.series))} series"
    if ahead_s > AHEAD_S:
        told += f"; the latest event lies {ahead_s:.0f} s ahead of this machine's clock"
        return Finding(
            subject, "warn", told, "set the clocks by NTP, or see decoder.timestamp for the unit of the times"
        )
    return fine(subject, told)
