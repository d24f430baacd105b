"""Compiled second half of alignment: closed rows are written out, gaps treated by the policy of each channel."""

# mypy: disallow-untyped-defs=False
from typing import NamedTuple

import numpy as np
from numba import njit

from detector.types import Bools, Floats, Ints
from detector.windows.align_state import BREAK, BROKEN, FILLED, FOREVER, LINEAR


class Written(NamedTuple):
    """Rows that are written, and room for more: the columns of a ``SampleBatch``."""

    series: Ints
    time_ns: Ints
    values: Floats
    cell: Ints
    start: Bools
    partition: Ints
    offset: Ints


def room(rows: int, channels: int) -> Written:
    """Returns room for so many rows."""
    return Written(
        np.empty(rows, np.int32),
        np.empty(rows, np.int64),
        np.empty((rows, channels), np.float64),
        np.empty(rows, np.int64),
        np.empty(rows, np.bool_),
        np.empty(rows, np.int32),
        np.empty(rows, np.int64),
    )


def larger(out: Written, rows: int) -> Written:
    """Returns the same rows with room for ``rows`` at least."""
    lacking = rows - len(out.series)
    if lacking <= 0:
        return out
    more = room(max(lacking, len(out.series)), out.values.shape[1])
    return Written._make(np.concatenate(pair) for pair in zip(out, more, strict=True))


@njit(cache=True, nogil=True)
def write(closed, rules, gap, last, rows, cells, spare, height, counters, out, r):
    """Writes the rows in these slots from row ``r`` on, each after those that fill the cells before it.

    Slots are given back.

    Returns:
        The row after the last one.
    """
    ids, time_ns, values, cell, start, partition, offset = out
    for slot in closed:
        row, first = rows[slot], r
        s, anew = row.series, row.anew
        before_ns = (row.key - row.missing - 1) * rules.step_ns
        for step in range(1, row.missing + 1):
            time_ns[r], start[r] = before_ns + step * rules.step_ns, False
            share = step / (row.missing + 1)
            _between(s, slot, time_ns[r], before_ns, share, rules.hold_ns, gap, last, cells, values, r)
            r += 1
        counters[FILLED] += row.missing
        if not anew and _returns(s, slot, gap, last, cells):
            anew = True
            counters[BROKEN] += 1
        t = row.key * rules.step_ns
        time_ns[r], start[r] = t, anew
        for c in range(len(gap)):
            value, known = cells[slot, c].value, last[s, c]
            if anew:
                known.value = np.nan
            if not np.isnan(value):
                known.value, known.time_ns = value, t
            elif gap[c] <= LINEAR:  # missing: what the policy of the channel says
                value = carried(known, t, rules.hold_ns)
            elif gap[c] == BREAK and not np.isnan(known.value):
                known.value = np.inf
            values[r, c] = value
        r += 1
        for j in range(first, r):
            ids[j], partition[j], offset[j] = s, row.partition, row.offset
            cell[j] = time_ns[j] // rules.interval_ns
        spare[height[0]] = slot
        height[0] += 1
    return r


@njit(cache=True, nogil=True)
def _returns(s, slot, gap, last, cells):
    """Whether a channel with the policy ``break`` is back after it was missing: infinity stands for lost."""
    for c in range(len(gap)):
        if gap[c] == BREAK and np.isinf(last[s, c].value) and not np.isnan(cells[slot, c].value):
            return True
    return False


@njit(cache=True, nogil=True)
def carried(known, t, hold_ns):
    """The newest value of a channel, if it is not too old to stand in for a missing one at time ``t``; else NaN."""
    return known.value if hold_ns == FOREVER or t - known.time_ns <= hold_ns else np.nan


@njit(cache=True, nogil=True)
def _between(s, slot, t, before_ns, share, hold_ns, gap, last, cells, values, r):
    """A row that no reading made, ``share`` of the way from the row before to the one in ``slot``."""
    for c in range(len(gap)):
        after = cells[slot, c].value
        if gap[c] == LINEAR and not np.isnan(after):
            held = carried(last[s, c], before_ns, hold_ns)
            values[r, c] = held + (after - held) * share
        else:
            values[r, c] = carried(last[s, c], t, hold_ns) if gap[c] <= LINEAR else np.nan
