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
    for i in range(len(ids)):
        s, t, p = np.uint32(ids[i]), time_ns[i], np.uint32(partition[i])
        one, mark = series[s], watermark[p]
        before = one.closed_key
        ahead = mark != NEVER and rules.ahead_ns != FOREVER and t - mark > rules.ahead_ns
        if ahead or one.open or t <= before or silent(one.seen_ns, mark, rules):
            return i, r
        usual = True
        for c in range(len(gap)):
            lost = gap[c] == BREAK and np.isinf(last[s, c].value)
            usual &= not np.isinf(values[i, c]) and not lost
        if not usual:
            return i, r
        broken = before != NEVER and t - before > rules.break_keys
        anew = broken or before == NEVER
        watermark[p] = max(mark, t)
        one.partition, one.seen_ns, one.closed_key = p, max(one.seen_ns, t), t
        counters[READINGS] += 1
        counters[BROKEN] += broken
        for c in range(len(gap)):
            value, known = values[i, c], last[s, c]
            if anew:
                known.value = np.nan
            if not np.isnan(value):
                known.value, known.time_ns = value, t
            elif gap[c] <= LINEAR:
                value = carried(known, t, rules.hold_ns)
            elif gap[c] == BREAK and not np.isnan(known.value):
                known.value = np.inf
            out_values[r, c] = value
        out_ids[r], out_ns[r], cell[r], start[r] = s, t, t // rules.interval_ns, anew
        out_partition[r], out_offset[r] = p, offset[i]
        r += 1
    return len(ids), r
