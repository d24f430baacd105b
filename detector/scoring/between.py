"""Fused scores of rows at which no member of the detector looks: those of the newest row at which one did."""

from typing import NamedTuple

import numpy as np
from numba import njit

from detector.ids import span
from detector.state import State, held
from detector.types import Bools, Floats, Ints


class Judged(NamedTuple):
    """What a detector said of rows.

    Attributes:
        score: [B] float64.
        contribution: [B, F] float32.
        warming: [B] bool.
    """

    score: Floats
    contribution: Floats
    warming: Bools


class Between:
    """Repeats what was said of a series until more is said; every series begins with a row that is judged.

    Args:
        channels: F.
        capacity: series to make room for; grows by itself.
    """

    def __init__(self, channels: int, capacity: int) -> None:
        self._newest = _room(capacity, channels)

    def push(self, series: Ints, row: Ints, judged: Judged, scaled: Floats) -> Judged:
        """Spreads what was said of some rows over all rows of a batch.

        Args:
            series: [B] int32.
            row: [K] int64, ascending, the rows that were judged.
            judged: what was said of those.
            scaled: [B, F] or with more columns behind, the values of all rows.

        Returns:
            For all B rows; one without any value has no score.
        """
        self._reserve(span(series))
        found = _room(len(series), self._newest.contribution.shape[1])
        _spread(series, row, judged, scaled, self._newest, found)
        return found

    def state(self, series: Ints) -> State:
        """Returns what was said of these series last."""
        self._reserve(span(series))
        return {name: column[series] for name, column in self._newest._asdict().items()}

    def restore(self, series: Ints, state: State) -> None:
        """Takes up the state of series.

        Raises:
            DataError: it is of other channels.
        """
        self._reserve(span(series))
        for name, column in self._newest._asdict().items():
            column[series] = held(state, name, column.dtype, len(series), *column.shape[1:])

    def _reserve(self, series: int) -> None:
        size, channels = self._newest.contribution.shape
        if series > size:
            more = _room(max(series - size, size), channels)
            self._newest = Judged._make(np.concatenate(pair) for pair in zip(self._newest, more, strict=True))


def _room(rows: int, channels: int) -> Judged:
    return Judged(np.zeros(rows), np.zeros((rows, channels), np.float32), np.zeros(rows, np.bool_))


@njit(cache=True, nogil=True)
def _spread(series, row, judged, scaled, newest, found):  # type: ignore[no-untyped-def]
    score, share, warming = judged
    newest_score, newest_share, newest_warming = newest
    found_score, found_share, found_warming = found
    k = 0
    for i in range(len(series)):
        s = np.uint32(series[i])
        if k < len(row) and row[k] == i:
            newest_score[s], newest_warming[s] = score[k], warming[k]
            for f in range(share.shape[1]):
                newest_share[s, f] = share[k, f]
            k += 1
        known = False
        for f in range(share.shape[1]):
            known |= not np.isnan(scaled[i, f])
            found_share[i, f] = newest_share[s, f]
        found_score[i], found_warming[i] = newest_score[s] if known else np.nan, newest_warming[s]
