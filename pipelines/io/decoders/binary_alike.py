"""Binary envelopes of one poll that are alike, read together.

The records of a poll mostly differ in series, time and values only. Such records, one after the other, are an array of
a structured type, where the checks of ``binary_format.read`` are made for all of them at once. Whatever does not pass
is left to ``read``, which alone knows what is wrong.
"""

import zlib
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

import numpy as np

from pipelines.io.decoders.binary_format import SHAPE_BYTES, layout
from pipelines.io.decoders.samples import Stack

Key = TypeVar("Key", bound=Hashable)

_RESIDUE = 0x2144DF1C
"""CRC-32 of anything that ends with its own CRC-32."""
_FEW = 4
"""Fewer records than these are not worth an array."""


def alike(records: Sequence[bytes]) -> tuple[list[tuple[bytes, Stack]], list[int]]:
    """Returns sound envelopes, and the rows of all other records, be they sound or not.

    The envelopes come as stacks of all the channels that they carry, each with the names of these as they stand there.
    """
    whole = np.fromiter(map(zlib.crc32, records), np.uint32, len(records)) == _RESIDUE
    found, taken = [], np.zeros(len(records), np.bool_)
    for at in _grouped((len(record), record[:SHAPE_BYTES]) for record in records).values():
        kind = layout(records[at[0]])
        if kind is None:
            continue
        block, rows = np.frombuffer(b"".join([records[row] for row in at]), kind), np.array(at)
        series = [_text(name) for name in block["series"].tolist()]
        stamps_ns, start_ns, steps_ns = block["stamps_ns"], block["start_ns"], block["step_ns"]
        timed = stamps_ns.size > 0
        sound = whole[rows] & [name is not None for name in series]
        sound &= (start_ns == 0) & (steps_ns == 0) if timed else steps_ns >= 0
        for table, members in _grouped(block["table"].tolist()).items():
            if table.count(0) != kind["columns"].shape[0] - 1:
                continue
            kept = np.array(members)[sound[members]]
            part = slice(None) if len(kept) == len(block) else kept  # a slice copies nothing
            stamps = stamps_ns[part] if timed else start_ns[part, np.newaxis]
            names = [series[i] for i in kept.tolist()]
            found.append((table, Stack(rows[kept], names, block["columns"][part], stamps, steps_ns[part])))
            taken[rows[kept]] = True
    return found, np.flatnonzero(~taken).tolist()


def _grouped(keys: Iterable[Key]) -> dict[Key, list[int]]:
    """Returns where every key stands that is not rare."""
    found: defaultdict[Key, list[int]] = defaultdict(list)
    for at, key in enumerate(keys):
        found[key].append(at)
    return {key: places for key, places in found.items() if len(places) >= _FEW}


def _text(name: bytes) -> str | None:
    try:
        return name.decode()
    except UnicodeDecodeError:
        return None
