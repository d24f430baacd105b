"""Compiled first half of alignment: readings go into open rows, which close once late readings cannot reach them.

Nothing here looks at bounds: ``AlignState.reserve`` makes the room. What runs for every reading takes few arrays and
returns at one place: each array handed on is counted, which would cost more than the work.
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


@njit(cache=True, nogil=True)
def take(ids, time_ns, values, partition, offset, rules, series, rows, cells, spare, height, watermark, counters):
    """Takes readings in order of arrival.

    Returns:
        The pool slots of the rows that closed, in order of closing, and how many rows those and the cells to fill make.
    """
    closed = np.empty(len(rows) - height[0] + len(ids), np.int32)
    n = 0
    counters[READINGS] += len(ids)
    for i in range(len(ids)):
        s, t, p = np.uint32(ids[i]), time_ns[i], np.uint32(partition[i])
        mark = watermark[p]
        if mark != NEVER and rules.ahead_ns != FOREVER and t - mark > rules.ahead_ns:
            counters[AHEAD] += 1
            continue
        if silent(series[s].seen_ns, mark, rules):
            while series[s].open:
                n = _close_oldest(series[s], rules, rows, closed, n, counters)
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
            before, slot = series[s].newest, NONE
            if before != NONE and rows[before].key >= key:
                before, slot = _place(series[s].oldest, key, rows)
            if slot != NONE and rows[slot].key == key:
                counters[DUPLICATE] += _merge(slot, i, t, values, cells)
            else:
                slot = _insert(s, series[s], key, before, slot, rows, spare, height)
                for c in range(values.shape[1]):
                    value = values[i, c]
                    cells[slot, c].value, cells[slot, c].time_ns = value if np.isfinite(value) else np.nan, t
            rows[slot].partition, rows[slot].offset = p, min(rows[slot].offset, offset[i])
        while series[s].open:
            forced = series[s].open > rules.max_open
            if not forced and rows[series[s].oldest].key * rules.step_ns + rules.settle_ns > series[s].seen_ns:
                break
            counters[FORCED] += forced
            n = _close_oldest(series[s], rules, rows, closed, n, counters)
    return closed[:n], n + rows["missing"][closed[:n]].sum()


@njit(cache=True, nogil=True)
def returns(ids, time_ns, partition, rules, seen_ns, watermark):
    """Tells which readings end a silence; follows the newest times as ``take`` would, in copies of them."""
    found = np.zeros(len(ids), np.bool_)
    for i in range(len(ids)):
        s, t, p = ids[i], time_ns[i], partition[i]
        mark = watermark[p]
        if mark != NEVER and rules.ahead_ns != FOREVER and t - mark > rules.ahead_ns:
            continue
        found[i] = silent(seen_ns[s], mark, rules)
        watermark[p] = max(mark, t)
        seen_ns[s] = t if found[i] else max(seen_ns[s], t)
    return found


@njit(cache=True, nogil=True)
def settle(wanted, rules, series, rows, height, counters):
    """Closes all open rows of the series wanted, series by series; returns as ``take`` does."""
    closed = np.empty(len(rows) - height[0], np.int32)
    n = 0
    for s in range(len(series)):
        while wanted[s] and series[s].open:
            n = _close_oldest(series[s], rules, rows, closed, n, counters)
    return closed[:n], n + rows["missing"][closed[:n]].sum()


@njit(cache=True, nogil=True)
def silent(seen_ns, mark, rules):
    """Whether the partition has moved so far past the series that it counts as evicted, be it cleared already or not.

    Deciding it at every reading keeps the rows independent of when the caller asks for evictions.
    """
    if rules.evict_keys == FOREVER or mark == NEVER or seen_ns == NEVER:
        return False
    return (mark - rules.lateness_ns) // rules.step_ns - seen_ns // rules.step_ns > rules.evict_keys


@njit(cache=True, nogil=True)
def _content(values, i):
    """How many finite and how many infinite values a reading carries."""
    finite = infinite = 0
    for c in range(values.shape[1]):
        finite += np.isfinite(values[i, c])
        infinite += np.isinf(values[i, c])
    return finite, infinite


@njit(cache=True, nogil=True)
def _place(oldest, key, rows):
    """Where a key belongs in a chain: the row before it, and the row that has it or comes after it."""
    before, at = NONE, oldest
    while rows[at].key < key:
        before, at = at, rows[at].next
    return before, at


@njit(cache=True, nogil=True)
def _insert(s, one, key, before, after, rows, spare, height):
    """Makes an open row between two of the chain of a series."""
    height[0] -= 1
    slot = spare[height[0]]
    if before == NONE:
        one.oldest = slot
    else:
        rows[before].next = slot
    if after == NONE:
        one.newest = slot
    one.open += 1
    rows[slot].series, rows[slot].key, rows[slot].next, rows[slot].offset = s, key, after, FOREVER
    return slot


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def _close_oldest(one, rules, rows, closed, n, counters):
    """Takes the oldest row off the chain and settles how it follows the one before: anew, or after cells to fill."""
    slot, previous, row = one.oldest, one.closed_key, rows[one.oldest]
    one.oldest = row.next
    if row.next == NONE:
        one.newest = NONE
    one.open -= 1
    broken = previous != NEVER and row.key - previous > rules.break_keys
    counters[BROKEN] += broken
    row.anew = broken or previous == NEVER
    row.missing = row.key - previous - 1 if rules.grid and not row.anew else 0
    one.closed_key = row.key
    closed[n] = slot
    return n + 1
