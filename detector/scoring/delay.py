"""Scores with a stated delay: the mean over the rows that follow, reported when they have come."""

from typing import NamedTuple

import numpy as np
from numba import njit

from detector.ids import span
from detector.state import State, held, within
from detector.types import Bools, Floats, Ints


class Settled(NamedTuple):
    """Scores that are final now.

    Attributes:
        series: [B] int32, as are the next four columns those of ``ScoreBatch``.
        time_ns: [B] int64.
        score: [B] float64.
        contribution: [B, F] float32.
        warming: [B] bool.
        trigger: [B] int64, the row of the batch pushed that settled this one, -1 where none did (break, flush).
        back: [B] int64, how many rows the judged row lies before the newest row of its series.
    """

    series: Ints
    time_ns: Ints
    score: Floats
    contribution: Floats
    warming: Bools
    trigger: Ints
    back: Ints


class _Rings(NamedTuple):
    """The newest delay + 1 rows of every series, and how many rows have come."""

    seen: Ints
    time_ns: Ints
    score: Floats
    contribution: Floats
    warming: Bools


class Delay:
    """Smooths causal scores over the rows t .. t + delay and reports row t when row t + delay has come.

    The last rows of a run are averaged over what there is. With a delay of 0 it hands scores through.

    Args:
        delay: rows, >= 0.
        channels: F.
        capacity: series to make room for; grows by itself.
    """

    def __init__(self, delay: int, channels: int, capacity: int) -> None:
        self._delay = delay
        self._channels = channels
        self._rings = self._empty(capacity)

    def push(
        self, series: Ints, time_ns: Ints, score: Floats, contribution: Floats, warming: Bools, start: Bools
    ) -> Settled:
        """Takes causal scores in order of time within each series and returns those that are final.

        Args:
            series: [B] int32.
            time_ns: [B] int64.
            score: [B] float64, NaN where there is none.
            contribution: [B, F] float32.
            warming: [B] bool.
            start: [B] bool, the row begins a new run of its series: what was pending is settled first.
        """
        if self._delay == 0:
            rows = np.arange(len(series))
            return Settled(series, time_ns, score, contribution, warming, rows, np.zeros(len(series), np.int64))
        self._reserve(span(series))
        out = self._room(len(series) + int(start.sum()) * self._delay)
        rows_in = _Rows(series, time_ns, score, contribution, warming, start)
        return _first(out, _push(rows_in, self._rings, out))

    def flush(self, series: Ints | None = None) -> Settled:
        """Settles what is pending of the series named (all by default) and forgets them."""
        if series is None:
            series = np.arange(len(self._rings.seen), dtype=np.int32)
        series = series[series < len(self._rings.seen)]
        out = self._room(int(np.minimum(self._rings.seen[series], self._delay).sum()))
        n = 0
        for one in series[self._rings.seen[series] > 0]:
            n = _drain(one, n, self._rings, out)
        return _first(out, n)

    def state(self, series: Ints) -> State:
        """Returns what is pending of these series."""
        self._reserve(span(series))
        return {name: ring[series] for name, ring in self._rings._asdict().items()}

    def restore(self, series: Ints, state: State) -> None:
        """Takes up the state of series.

        Raises:
            DataError: it is of another delay or other channels.
        """
        self._reserve(span(series))
        within(state, "seen", len(series), 1 << 62, np.int64)
        for name, ring in self._rings._asdict().items():
            ring[series] = held(state, name, ring.dtype, len(series), *ring.shape[1:])

    def _reserve(self, series: int) -> None:
        lacking = series - len(self._rings.seen)
        if lacking > 0:
            more = self._empty(max(lacking, len(self._rings.seen)))
            self._rings = _Rings._make(np.concatenate(pair) for pair in zip(self._rings, more, strict=True))

    def _empty(self, series: int) -> _Rings:
        depth = self._delay + 1
        return _Rings(
            np.zeros(series, np.int64),
            np.zeros((series, depth), np.int64),
            np.zeros((series, depth), np.float64),
            np.zeros((series, depth, self._channels), np.float32),
            np.zeros((series, depth), np.bool_),
        )

    def _room(self, rows: int) -> Settled:
        return Settled(
            np.empty(rows, np.int32),
            np.empty(rows, np.int64),
            np.empty(rows, np.float64),
            np.empty((rows, self._channels), np.float32),
            np.empty(rows, np.bool_),
            np.empty(rows, np.int64),
            np.empty(rows, np.int64),
        )


class _Rows(NamedTuple):
    series: Ints
    time_ns: Ints
    score: Floats
    contribution: Floats
    warming: Bools
    start: Bools


def _first(out: Settled, n: int) -> Settled:
    return Settled._make(column[:n] for column in out)


@njit(cache=True, nogil=True)
def _settle(s, back, trigger, n, rings, out):  # type: ignore[no-untyped-def]
    """Writes the row ``back`` rows before the newest one, averaged over the rows from it to the newest."""
    depth = rings.time_ns.shape[1]
    judged = (rings.seen[s] - 1 - back) % depth
    out.series[n], out.time_ns[n], out.warming[n] = s, rings.time_ns[s, judged], rings.warming[s, judged]
    out.trigger[n], out.back[n] = trigger, back
    total, seen = 0.0, 0
    share = out.contribution[n]
    share[:] = 0
    for j in range(back, -1, -1):
        at = (rings.seen[s] - 1 - j) % depth
        score = rings.score[s, at]
        if not np.isnan(score):
            total += score
            seen += 1
            for f in range(len(share)):
                share[f] += rings.contribution[s, at, f] * np.float32(score)
    norm = share.sum()
    if norm > 0:
        share /= norm
    out.score[n] = np.nan if np.isnan(rings.score[s, judged]) else total / seen


@njit(cache=True, nogil=True)
def _drain(s, n, rings, out):  # type: ignore[no-untyped-def]
    """Settles all pending rows of a series and forgets it."""
    for back in range(min(rings.seen[s], rings.time_ns.shape[1] - 1) - 1, -1, -1):
        _settle(s, back, -1, n, rings, out)
        n += 1
    rings.seen[s] = 0
    return n


@njit(cache=True, nogil=True)
def _push(rows, rings, out):  # type: ignore[no-untyped-def]
    depth = rings.time_ns.shape[1]
    n = 0
    for i in range(len(rows.series)):
        s = rows.series[i]
        if rows.start[i]:
            n = _drain(s, n, rings, out)
        at = rings.seen[s] % depth
        rings.time_ns[s, at], rings.score[s, at], rings.warming[s, at] = rows.time_ns[i], rows.score[i], rows.warming[i]
        rings.contribution[s, at] = rows.contribution[i]
        rings.seen[s] += 1
        if rings.seen[s] >= depth:
            _settle(s, depth - 1, i, n, rings, out)
            n += 1
    return n
