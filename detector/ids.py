"""Ids of series and partitions as places in arrays."""

from numba import njit

from detector.types import Ints


@njit(cache=True)  # quicker than letting another thread in
def span(ids: Ints) -> int:
    """Returns how long an array must be that they are places in, 0 for none.

    Args:
        ids: [B].

    Raises:
        ValueError: an id is negative.
    """
    least = most = ids.dtype.type(0)
    for i in range(len(ids)):
        least, most = min(least, ids[i]), max(most, ids[i])
    if least < 0:
        raise ValueError("series ids and partitions must not be negative")
    return most + 1 if len(ids) else 0
