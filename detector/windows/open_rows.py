"""Compiled first half of alignment: readings go into open rows, which close once late readings cannot reach them.

Nothing here looks at bounds: ``AlignState.reserve`` makes the room.
"""

# mypy: disallow-untyped-defs=False
import numpy as np
from numba import njit

from detector.windows.align_state import (
    AHEAD,
    BROKEN,
    DUPLICATE,
    EVICTED,
    FORCED,
    FOREVER,
    LATE,
    NEVER,
    NONE,
    NONFINITE,
    READINGS,
)


@njit(cache=True)
def take(ids, time_ns, values, partition, offset, rules, series, rows, cells, spare, height, watermark, counters):
    """Takes readings in order of arrival; returns the pool slots of the rows that closed, in order of closing."""
    closed = np.empty(len(rows) - height[0] + len(ids), np.int32)
    n = 0
    counters[READINGS] += len(ids)
    for i in range(len(ids)):
        s, t, p = np.uint32(ids[i]), time_ns[i], np.uint32(partition[i])
        mark = watermark[p]
        if mark != NEVER and rules.ahead_ns != FOREVER and t - mark > rules.ahead_ns:
            counters[AHEAD] += 1
            continue
        if _silent(series[s].seen_ns, mark, rules):
            n = _close(s, FOREVER, rules, series, rows, closed, n, counters)
            series[s].closed_key = series[s].seen_ns = NEVER
            counters[EVICTED] += 1
        watermark[p] = max(mark, t)
        series[s].partition = p
        key = t // rules.step_ns
        if key <= series[s].closed_key:
            repeated = not rules.grid and key == series[s].closed_key
            counters[DUPLICATE if repeated else LATE] += 1
            continue
        series[s].seen_ns = max(series[s].seen_ns, t)
        finite, infinite = _content(values, i)
        counters[NONFINITE] += infinite
        if finite or not rules.grid:
            slot = _slot(s, key, series, rows, cells, spare, height)
            rows[slot].partition = p
            rows[slot].offset = min(rows[slot].offset, offset[i])
            counters[DUPLICATE] += _merge(slot, i, t, values, cells)
        if series[s].open > rules.max_open:
            n = _close_oldest(s, rules, series, rows, closed, n, counters)
            counters[FORCED] += 1
        n = _close(s, series[s].seen_ns, rules, series, rows, closed, n, counters)
    return closed[:n]


@njit(cache=True)
def returns(ids, time_ns, partition, rules, seen_ns, watermark):
    """Tells which readings end a silence; follows the newest times as ``take`` would, in copies of them."""
    found = np.zeros(len(ids), np.bool_)
    for i in range(len(ids)):
        s, t, p = ids[i], time_ns[i], partition[i]
        mark = watermark[p]
        if mark != NEVER and rules.ahead_ns != FOREVER and t - mark > rules.ahead_ns:
            continue
        found[i] = _silent(seen_ns[s], mark, rules)
        watermark[p] = max(mark, t)
        seen_ns[s] = t if found[i] else max(seen_ns[s], t)
    return found


@njit(cache=True)
def settle(wanted, rules, series, rows, height, counters):
    """Closes all open rows of the series wanted; returns slots, series by series."""
    closed = np.empty(len(rows) - height[0], np.int32)
    n = 0
    for s in range(len(series)):
        if wanted[s] and series[s].open:
            n = _close(s, FOREVER, rules, series, rows, closed, n, counters)
    return closed[:n]


@njit(cache=True)
def _silent(seen_ns, mark, rules):
    """Whether the partition has moved so far past the series that it counts as evicted, be it cleared already or not.

    Deciding it at every reading keeps the rows independent of when the caller asks for evictions.
    """
    if rules.evict_keys == FOREVER or mark == NEVER or seen_ns == NEVER:
        return False
    return (mark - rules.lateness_ns) // rules.step_ns - seen_ns // rules.step_ns > rules.evict_keys


@njit(cache=True)
def _content(values, i):
    """How many finite and how many infinite values a reading carries."""
    finite = infinite = 0
    for c in range(values.shape[1]):
        finite += np.isfinite(values[i, c])
        infinite += np.isinf(values[i, c])
    return finite, infinite


@njit(cache=True)
def _slot(s, key, series, rows, cells, spare, height):
    """The open row with this key, made if there is none: mostly the newest or one after it."""
    before, at = series[s].newest, NONE
    if before != NONE and rows[before].key >= key:
        before, at = NONE, series[s].oldest
        while rows[at].key < key:
            before, at = at, rows[at].next
        if rows[at].key == key:
            return at
    height[0] -= 1
    slot = spare[height[0]]
    rows[slot].series, rows[slot].key, rows[slot].next = s, key, at
    rows[slot].offset = FOREVER
    for c in range(cells.shape[1]):
        cells[slot, c].value = np.nan
    if before == NONE:
        series[s].oldest = slot
    else:
        rows[before].next = slot
    if at == NONE:
        series[s].newest = slot
    series[s].open += 1
    return slot


@njit(cache=True)
def _merge(slot, i, t, values, cells):
    """Puts a reading into its row and tells whether a value was there: the later counts, of equal times the larger."""
    repeated = False
    for c in range(values.shape[1]):
        value = values[i, c]
        if np.isfinite(value):
            held, held_ns = cells[slot, c].value, cells[slot, c].time_ns
            known = not np.isnan(held)
            repeated |= known
            if not known or t > held_ns or (t == held_ns and value > held):
                cells[slot, c].value, cells[slot, c].time_ns = value, t
    return repeated


@njit(cache=True)
def _close(s, until_ns, rules, series, rows, closed, n, counters):
    while series[s].open and (
        until_ns == FOREVER or rows[series[s].oldest].key * rules.step_ns + rules.settle_ns <= until_ns
    ):
        n = _close_oldest(s, rules, series, rows, closed, n, counters)
    return n


@njit(cache=True)
def _close_oldest(s, rules, series, rows, closed, n, counters):
    """Takes the oldest row off the chain and settles how it follows the one before: anew, or after cells to fill."""
    slot, previous = series[s].oldest, series[s].closed_key
    series[s].oldest = rows[slot].next
    if series[s].oldest == NONE:
        series[s].newest = NONE
    series[s].open -= 1
    broken = previous != NEVER and rows[slot].key - previous > rules.break_keys
    counters[BROKEN] += broken
    rows[slot].anew = broken or previous == NEVER
    rows[slot].missing = rows[slot].key - previous - 1 if rules.grid and not rows[slot].anew else 0
    series[s].closed_key = rows[slot].key
    closed[n] = slot
    return n + 1
