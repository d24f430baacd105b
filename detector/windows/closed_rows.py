"""Compiled second half of alignment: closed rows are written out, gaps treated by the policy of each channel."""

# mypy: disallow-untyped-defs=False
import numpy as np
from numba import njit

from detector.windows.align_state import BREAK, BROKEN, FILLED, FOREVER, LINEAR


@njit(cache=True)
def write(closed, rules, gap, last, rows, cells, spare, height, counters):
    """Writes the rows in these slots, each after the rows that fill the cells before it, and gives the slots back.

    Returns:
        The columns of a ``SampleBatch``.
    """
    size = len(closed)
    for slot in closed:
        size += rows[slot].missing
    channels = cells.shape[1]
    ids, partition = np.empty(size, np.int32), np.empty(size, np.int32)
    time_ns, cell, offset = np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.int64)
    values, start = np.empty((size, channels)), np.zeros(size, np.bool_)
    r = 0
    for slot in closed:
        s, key, missing, first = rows[slot].series, rows[slot].key, rows[slot].missing, r
        before_ns = (key - missing - 1) * rules.step_ns
        for step in range(1, missing + 1):
            time_ns[r] = before_ns + step * rules.step_ns
            share = step / (missing + 1)
            _between(s, slot, time_ns[r], before_ns, share, rules.hold_ns, gap, last, cells, values, r)
            r += 1
        counters[FILLED] += missing
        start[r] = rows[slot].anew
        if not start[r] and _returns(s, slot, gap, last, cells):
            start[r] = True
            counters[BROKEN] += 1
        if start[r]:
            for c in range(channels):
                last[s, c].value = np.nan
        time_ns[r] = key * rules.step_ns
        _row(s, slot, time_ns[r], rules.hold_ns, gap, last, cells, values, r)
        r += 1
        for j in range(first, r):
            ids[j], partition[j], offset[j] = s, rows[slot].partition, rows[slot].offset
            cell[j] = time_ns[j] // rules.interval_ns
        spare[height[0]] = slot
        height[0] += 1
    return ids, time_ns, values, cell, start, partition, offset


@njit(cache=True)
def _returns(s, slot, gap, last, cells):
    """Whether a channel with the policy ``break`` is back after it was missing: infinity stands for lost."""
    for c in range(len(gap)):
        if gap[c] == BREAK and np.isinf(last[s, c].value) and not np.isnan(cells[slot, c].value):
            return True
    return False


@njit(cache=True)
def _held(s, c, t, hold_ns, last):
    fresh = hold_ns == FOREVER or t - last[s, c].time_ns <= hold_ns
    return last[s, c].value if fresh else np.nan


@njit(cache=True)
def _row(s, slot, t, hold_ns, gap, last, cells, values, r):
    """A row that readings made: its values, and for a missing one what the policy of the channel says."""
    for c in range(len(gap)):
        value = cells[slot, c].value
        values[r, c] = value
        if not np.isnan(value):
            last[s, c].value, last[s, c].time_ns = value, t
        elif gap[c] <= LINEAR:
            values[r, c] = _held(s, c, t, hold_ns, last)
        elif gap[c] == BREAK and not np.isnan(last[s, c].value):
            last[s, c].value = np.inf


@njit(cache=True)
def _between(s, slot, t, before_ns, share, hold_ns, gap, last, cells, values, r):
    """A row that no reading made, ``share`` of the way from the row before to the one in ``slot``."""
    for c in range(len(gap)):
        after = cells[slot, c].value
        if gap[c] == LINEAR and not np.isnan(after):
            held = _held(s, c, before_ns, hold_ns, last)
            values[r, c] = held + (after - held) * share
        else:
            values[r, c] = _held(s, c, t, hold_ns, last) if gap[c] <= LINEAR else np.nan
