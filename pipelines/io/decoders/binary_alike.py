"""Binary envelopes of one poll that are alike, read together.

The records of a poll mostly differ in series, time and values only. Such records, one after the other, are an array of
a structured type, where the checks of ``binary_format.read`` are made for all of them at once. Whatever does not pass
is left to ``read``, which alone knows what is wrong.
"""

import itertools
import zlib
from collections.abc import Iterator, Sequence

import numpy as np
from numba import njit

from detector.types import Bools, Ints
from pipelines.io.decoders.binary_format import SHAPE_BYTES, layout
from pipelines.io.decoders.samples import Stack

_RESIDUE = 0x2144DF1C
"""CRC-32 of anything that ends with its own CRC-32."""
_FEW = 4
"""Fewer records than these are not worth an array."""


def alike(records: Sequence[bytes]) -> tuple[list[tuple[bytes, Stack]], list[int]]:
    """Returns sound envelopes, and the rows of all other records, be they sound or not.

    The envelopes come as stacks of all the channels that they carry, each with the names of these as they stand there.
    """
    found, taken = [], np.zeros(len(records), np.bool_)
    for rows, raw, whole in _shaped(records):
        kind = layout(records[rows[0]])
        if kind is None:
            continue
        block = raw.view(kind)[:, 0]
        series = _texts(block["series"].tolist())
        stamps_ns, start_ns, steps_ns = block["stamps_ns"], block["start_ns"], block["step_ns"]
        timed = stamps_ns.size > 0
        sound = whole & [name is not None for name in series]
        sound &= (start_ns == 0) & (steps_ns == 0) if timed else steps_ns >= 0
        begin = SHAPE_BYTES + 16 + kind["series"].itemsize
        for members in _same(raw[:, begin : begin + kind["table"].itemsize]):
            table = bytes(block["table"][members[0]])
            if table.count(0) != kind["columns"].shape[0] - 1:
                continue
            kept = members[sound[members]]
            part = slice(None) if len(kept) == len(block) else kept  # a slice copies nothing
            stamps = stamps_ns[part] if timed else start_ns[part, np.newaxis]
            names = [series[i] for i in kept.tolist()]
            found.append((table, Stack(rows[kept], names, block["columns"][part], stamps, steps_ns[part])))
            taken[rows[kept]] = True
    return found, np.flatnonzero(~taken).tolist()


def _shaped(records: Sequence[bytes]) -> Iterator[tuple[Ints, Ints, Bools]]:
    """Gives the rows of records of one length that begin with one shape.

    With them these records as bytes [E, length], and [E] whether each ends with its own checksum.
    """
    lengths = np.fromiter(map(len, records), np.int64, len(records))
    order = np.argsort(lengths, kind="stable")
    edges = [0, *(np.flatnonzero(np.diff(lengths[order])) + 1).tolist(), len(order)]
    for start, stop in itertools.pairwise(edges):
        if stop - start >= _FEW and lengths[order[start]] > SHAPE_BYTES:
            rows = order[start:stop]
            raw = np.frombuffer(b"".join([records[row] for row in rows.tolist()]), np.uint8).reshape(len(rows), -1)
            whole = _whole(raw)
            for members in _same(raw[:, :SHAPE_BYTES]):
                yield rows[members], raw if len(members) == len(raw) else raw[members], whole[members]


def _whole(raw: Ints) -> Bools:
    """Tells which records [E, length] end with their own CRC-32.

    One checksum over all of them says whether all do: it is quicker, and lets other threads in, which the checksum of a
    short record does not. A CRC is linear over bits: that of a sound record, begun with the CRC s of what lies before
    it, is the residue plus what ``length`` zero bytes make of s.
    """
    size, length = raw.shape
    zeros = bytes(length)
    images = np.array([zlib.crc32(zeros, 1 << bit) ^ zlib.crc32(zeros) for bit in range(32)])
    if zlib.crc32(raw.data) == _chained(images, _RESIDUE, size):
        return np.ones(size, np.bool_)
    return np.fromiter(map(zlib.crc32, raw), np.uint32, size) == _RESIDUE


@njit(cache=True, nogil=True)
def _chained(images: Ints, residue: int, size: int) -> int:
    """Returns the CRC of so many sound records, given what the zeros make of every bit."""
    crc = 0
    for _ in range(size):
        after = residue
        for bit in range(32):
            if crc >> bit & 1:
                after ^= images[bit]
        crc = after
    return crc


def _same(rows: Ints) -> list[Ints]:
    """Returns where rows of bytes [E, W] are the same, but for those that are rare."""
    if (rows == rows[0]).all():
        return [np.arange(len(rows))]
    group = np.unique(rows, axis=0, return_inverse=True)[1]
    order = np.argsort(group, kind="stable")
    return [one for one in np.split(order, np.flatnonzero(np.diff(group[order])) + 1) if len(one) >= _FEW]


def _texts(names: list[bytes]) -> list[str | None]:
    """Returns names as text, None for those that are none."""
    try:
        return [name.decode() for name in names]
    except UnicodeDecodeError:
        return [_text(name) for name in names]


def _text(name: bytes) -> str | None:
    try:
        return name.decode()
    except UnicodeDecodeError:
        return None
