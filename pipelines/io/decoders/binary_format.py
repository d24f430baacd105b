"""The binary envelope: many samples of one series in one record, written and read.

All numbers are little-endian, nothing is aligned, and a record ends where its parts end:

    offset  bytes  what
         0      4  "RWS1"
         4      1  flags: bit 0, values are float64 instead of float32; bit 1, every sample has a time; others are 0
         5      1  0
         6      2  F, unsigned: channels, at least 1
         8      4  N, unsigned: samples, at least 1
        12      2  S, unsigned: bytes of the series name; 0 leaves it to the record's key
        14      2  C, unsigned: bytes of the channel names
        16      8  time of the first sample, nanoseconds since 1970 UTC; 0 where every sample has a time
        24      8  nanoseconds from one sample to the next, not negative; 0 where every sample has a time
        32      S  series name, UTF-8
                C  F channel names, UTF-8, a zero byte between two of them
               8N  times of the samples, nanoseconds since 1970 UTC, where every sample has one
       4FN or 8FN  values, one channel after the other; NaN where there is none
                4  CRC-32 (that of zlib, gzip and PNG) of everything before
"""

import struct
import zlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from detector.types import Floats, Ints
from pipelines.io.decoders.samples import Unreadable

MAGIC = b"RWS1"
_HEADER = struct.Struct("<4sBBHIHHqq")
_CRC = struct.Struct("<I")
SHAPE_BYTES = 16
"""Length of the part of the header that says of which shape the rest is."""
_WIDE, _TIMED = 1, 2


class Block(NamedTuple):
    """What a record holds.

    Attributes:
        series: name, empty where the record's key names it.
        table: channel names as they stand in the record.
        columns: [F, N] values, a view of the record.
        stamps_ns: [N] time of every sample, or [1] that of the first.
        step_ns: from one sample to the next, 0 where every sample has its own time.
    """

    series: str
    table: bytes
    columns: Floats
    stamps_ns: Ints
    step_ns: int


def encode(
    series: str,
    channels: Sequence[str],
    values: ArrayLike,
    *,
    start_ns: int = 0,
    step_ns: int = 0,
    times_ns: ArrayLike | None = None,
    wide: bool = False,
) -> bytes:
    """Returns samples as one record.

    Args:
        series: name; empty leaves it to the record's key.
        channels: F names.
        values: [N, F], NaN where there is none.
        start_ns: time of the first sample, nanoseconds since 1970 UTC.
        step_ns: from one sample to the next.
        times_ns: [N] time of every sample, instead of ``start_ns`` and ``step_ns``.
        wide: float64 instead of float32.

    Raises:
        ValueError: the arrays do not fit each other, a name is too long or holds a zero byte.
    """
    columns = np.asarray(values, np.float64).T
    name, table = series.encode(), "\0".join(channels).encode()
    if columns.ndim != 2 or len(columns) != len(channels) or not columns.size:
        raise ValueError(f"expected values [N, {len(channels)}], got {np.shape(values)}")
    if (
        len(set(channels)) < len(channels)
        or table.count(b"\0") != len(channels) - 1
        or max(len(name), len(table)) >= 1 << 16
    ):
        raise ValueError("channel names must differ, hold no zero byte and fit into 65,535 bytes")
    stamps = b"" if times_ns is None else np.asarray(times_ns, "<i8").tobytes()
    if times_ns is not None and len(stamps) != 8 * columns.shape[1]:
        raise ValueError(f"expected {columns.shape[1]} times, got {np.shape(times_ns)}")
    flags = _WIDE * wide + _TIMED * bool(stamps)
    clock = (0, 0) if stamps else (start_ns, step_ns)
    header = _HEADER.pack(MAGIC, flags, 0, len(channels), columns.shape[1], len(name), len(table), *clock)
    body = b"".join([header, name, table, stamps, columns.astype("<f8" if wide else "<f4").tobytes()])
    return body + _CRC.pack(zlib.crc32(body))


def read(record: bytes) -> Block:
    """Takes a record apart; nothing is allocated that the record does not hold.

    Raises:
        Unreadable: it is not exactly such a record.
    """
    if len(record) < _HEADER.size + _CRC.size or record[:4] != MAGIC:
        raise Unreadable("not_binary", "The record is no binary envelope.")
    _, flags, zero, channels, samples, name, table, start_ns, step_ns = _HEADER.unpack_from(record)
    size = 8 if flags & _WIDE else 4
    timed = samples if flags & _TIMED else 0
    at_table = _HEADER.size + name
    at_times = at_table + table
    at_values = at_times + 8 * timed
    end = at_values + size * channels * samples
    if flags > _WIDE | _TIMED or zero or step_ns < 0 or (timed and (start_ns or step_ns)):
        raise Unreadable("bad_envelope", "The header of the envelope is not as the format says.")
    if len(record) != end + _CRC.size:
        raise Unreadable("bad_envelope", f"The envelope should have {end + _CRC.size} bytes and has {len(record)}.")
    if zlib.crc32(memoryview(record)[:end]) != _CRC.unpack_from(record, end)[0]:
        raise Unreadable("bad_checksum", "The checksum of the envelope is wrong.")
    names = record[at_table:at_times]
    if names.count(0) != channels - 1:
        raise Unreadable("bad_envelope", f"The envelope does not name its {channels} channels.")
    try:
        series = record[_HEADER.size : at_table].decode()
    except UnicodeDecodeError as error:
        raise Unreadable("bad_envelope", "The series name is no UTF-8.") from error
    columns = np.frombuffer(record, "<f8" if flags & _WIDE else "<f4", channels * samples, at_values)
    stamps_ns = np.frombuffer(record, "<i8", timed, at_times) if timed else np.array([start_ns])
    return Block(series, names, columns.reshape(channels, samples), stamps_ns, step_ns)


def layout(record: bytes) -> np.dtype[np.void] | None:
    """Returns what records of this length that begin with the same shape are made of, None if they are no envelopes."""
    if len(record) < _HEADER.size + _CRC.size:
        return None
    magic, flags, zero, channels, samples, name, table, _, _ = _HEADER.unpack_from(record)
    size, timed = 8 if flags & _WIDE else 4, samples if flags & _TIMED else 0
    length = _HEADER.size + name + table + 8 * timed + size * channels * samples + _CRC.size
    if magic != MAGIC or flags > _WIDE | _TIMED or zero or len(record) != length:
        return None
    return np.dtype(
        [
            ("shape", f"V{SHAPE_BYTES}"),
            ("start_ns", "<i8"),
            ("step_ns", "<i8"),
            ("series", f"V{name}"),
            ("table", f"V{table}"),
            ("stamps_ns", "<i8", (timed,)),
            ("columns", f"<f{size}", (channels, samples)),
            ("crc", "<u4"),
        ]
    )
