"""JSON envelopes of one poll that are plainly written, read together.

Numbers go from bytes into arrays without becoming objects (``json_scan``); of everything else in an envelope, which is
little, orjson says what it is. What is not plain is left to who reads envelopes one by one and knows what is wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from detector.types import Floats, Ints
from pipelines.io.decoders.json_scan import SERIES, STEP, TIME, Scanned, scanned
from pipelines.io.decoders.json_tokens import Names, names

_PADDING = bytes(16)
"""Behind the last object; a byte of it ends whatever is still open."""


@dataclass(frozen=True, slots=True)
class Plain:
    """Envelopes with as many samples each.

    Attributes:
        rows: [E] which of the records they are.
        values: [E, F, N], NaN where a channel has no value.
        times, steps, series: [E] what stands in these fields at the top, None if nothing does.
    """

    rows: Ints
    values: Floats
    times: Sequence[Any]
    steps: Sequence[Any]
    series: Sequence[Any]


class PlainReader:
    """Reads envelopes that keep their fields at the top.

    Args:
        time: field of the time, None for none; as are the next two.
        step: field of the time between samples.
        series: field of the name.
        values: field of the arrays.
        channels: F names of arrays.
    """

    def __init__(self, time: str | None, step: str, series: str | None, values: str, channels: Sequence[str]) -> None:
        self._fields: Names = names([time or "", step, series or "", values])
        self._channels: Names = names(list(channels))

    def read(self, records: Sequence[bytes]) -> tuple[list[Plain], list[int]]:
        """Returns the plain envelopes among records, and the rows of all other records, be they sound or not."""
        ends = np.cumsum(np.fromiter(map(len, records), np.int64, len(records)) + 1) - 1
        data = b"\0".join(records) + _PADDING
        found = scanned(data, ends, self._fields, self._channels)
        plain = []
        for samples in np.unique(found.samples[found.samples > 0]).tolist():
            rows = np.flatnonzero(found.samples == samples)
            times, steps, series = (_content(data, found.spans[rows, field]) for field in (TIME, STEP, SERIES))
            plain.append(Plain(rows, _values(found, rows, samples), times, steps, series))
        return plain, np.flatnonzero(found.samples < 0).tolist()


def _content(data: bytes, spans: Ints) -> list[Any]:
    """Returns what stands in a field of objects, in most of which it is often the same."""
    if not spans.any():
        return [None] * len(spans)
    told = [data[begin:end] or b"null" for begin, end in spans.tolist()]
    if len(set(told)) == 1:
        return [orjson.loads(told[0])] * len(told)
    found: list[Any] = orjson.loads(b"[%s]" % b",".join(told))
    return found


def _values(found: Scanned, rows: Ints, samples: int) -> Floats:
    """Returns the values [E, F, N] of objects, our channels in our order."""
    first, channel = found.first[rows], found.channel[rows]
    channels = channel.shape[1]
    block = channels * samples
    if (channel == np.arange(channels)).all() and (np.diff(first) == block).all():
        return found.numbers[first[0] : first[0] + len(rows) * block].reshape(-1, channels, samples)  # as they stand
    values = np.full((len(rows), channels, samples), np.nan)
    for at, ours in enumerate(channel.T):
        has = np.flatnonzero(ours >= 0)
        values[has, ours[has]] = found.numbers[first[has, None] + at * samples + np.arange(samples)]
    return values
