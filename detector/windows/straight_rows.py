"""Compiled short way of alignment, for readings that are rows as they come: in order, waiting for nothing.

Where every time is a row and no lateness is allowed, most readings close no row but their own. They need no place in
the pool of open rows; what is written and remembered of them is what ``take`` and ``write`` would.
"""

# mypy: disallow-untyped-defs=False
import numpy as np
from numba import njit

from detector.windows.align_state import BREAK, BROKEN, FOREVER, LINEAR, NEVER, READINGS
from detector.windows.closed_rows import carried
from detector.windows.open_rows import silent


@njit(cache=True, nogil=True)
def straight(ids, time_ns, values, partition, offset, rules, series, last, gap, watermark, counters, out, r):
    """Writes the rows of readings from row ``r`` on, up to the first that is not as simple as that.

    Returns:
        How many readings were taken, and the row after the last one written.
    """
    out_ids, out_ns, out_values, cell, start, out_partition, out_offset = out
    taken, newest = len(ids), -1  # a reading with all values, of which ``last`` is still to be told
    step, step_ns, interval_ns = np.int64(0), np.int64(0), rules.interval_ns  # a division takes as long as all the rest
    for i in range(len(ids)):
        s, t, p = np.uint32(ids[i]), time_ns[i], np.uint32(partition[i])
        whole = True
        for c in range(len(gap)):
            whole &= np.isfinite(values[i, c])
        if newest >= 0 and not (whole and ids[newest] == ids[i]):
            _told(values, time_ns, newest, last[np.uint32(ids[newest])])
            newest = -1
        one, mark = series[s], watermark[p]
        before = one.closed_key
        ahead = mark != NEVER and rules.ahead_ns != FOREVER and t - mark > rules.ahead_ns
        if ahead or one.open or t <= before or silent(one.seen_ns, mark, rules):
            taken = i
            break
        if newest < 0 and not _usual(values, i, gap, last[s]):
            taken = i
            break
        broken = before != NEVER and t - before > rules.break_keys
        anew = broken or before == NEVER
        watermark[p] = max(mark, t)
        one.partition, one.seen_ns, one.closed_key = p, max(one.seen_ns, t), t
        counters[BROKEN] += broken
        if whole:
            newest = i
            for c in range(len(gap)):
                out_values[r, c] = values[i, c]
        else:
            _filled(values, t, i, anew, gap, rules.hold_ns, last[s], out_values, r)
        if 0 <= t - step_ns - interval_ns < interval_ns:  # mostly the next
            step, step_ns = step + 1, step_ns + interval_ns
        elif not 0 <= t - step_ns < interval_ns:
            step = t // interval_ns
            step_ns = step * interval_ns
        out_ids[r], out_ns[r], cell[r], start[r] = s, t, step, anew
        out_partition[r], out_offset[r] = p, offset[i]
        r += 1
    if newest >= 0:
        _told(values, time_ns, newest, last[np.uint32(ids[newest])])
    counters[READINGS] += taken
    return taken, r


@njit(cache=True, nogil=True)
def _usual(values, i, gap, last):
    """Whether a reading has no infinite value and none that ends a gap which breaks the run."""
    usual = True
    for c in range(len(gap)):
        usual &= not np.isinf(values[i, c]) and not (gap[c] == BREAK and np.isinf(last[c].value))
    return usual


@njit(cache=True, nogil=True)
def _told(values, time_ns, i, last):
    """Remembers the values of a reading that has all."""
    for c in range(len(last)):
        last[c].value, last[c].time_ns = values[i, c], time_ns[i]


@njit(cache=True, nogil=True)
def _filled(values, t, i, anew, gap, hold_ns, last, out, r):
    """Writes the row of a reading that lacks values, and remembers those that it has."""
    for c in range(len(gap)):
        value, known = values[i, c], last[c]
        if anew:
            known.value = np.nan
        if not np.isnan(value):
            known.value, known.time_ns = value, t
        elif gap[c] <= LINEAR:
            value = carried(known, t, hold_ns)
        elif gap[c] == BREAK and not np.isnan(known.value):
            known.value = np.inf
        out[r, c] = value
