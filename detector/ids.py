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
    most = -1
    for one in ids:
        if one < 0:
            raise ValueError("series ids and partitions must not be negative")
        most = max(most, one)
    return most + 1
