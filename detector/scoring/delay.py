"""Scores with a stated delay: the mean over the rows that follow, reported when they have come."""

from dataclasses import dataclass

import numpy as np
from numba import njit

from detector.types import Bools, Floats, Ints


@dataclass(frozen=True, slots=True)
class Settled:
    """Scores that are final now.

    Attributes:
        series, time_ns, score, contribution, warming: as in ``ScoreBatch``.
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
        self._grow(0, capacity)

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
        if len(series) and (most := int(series.max())) >= len(self._count):
            self._grow(len(self._count), max(most + 1, 2 * len(self._count)))
        room = len(series) + int(start.sum()) * self._delay
        out = self._room(room)
        n = _push(series, time_ns, score, contribution, warming, start, *self._state, *out)
        return _settled(out, n)

    def flush(self, series: Ints | None = None) -> Settled:
        """Settles what is pending of the series named (all by default) and forgets them."""
        if self._delay == 0:
            return _settled(self._room(0), 0)
        if series is None:
            series = np.arange(len(self._count), dtype=np.int32)
        series = series[series < len(self._count)]
        out = self._room(int(self._count[series].sum()))
        n = 0
        for one in series:
            n = _drain(one, n, *self._state, *out)
        return _settled(out, n)

    def _room(self, rows: int) -> tuple[Floats, ...]:
        return (
            np.empty(rows, np.int32),
            np.empty(rows, np.int64),
            np.empty(rows, np.float64),
            np.empty((rows, self._channels), np.float32),
            np.empty(rows, np.bool_),
            np.empty(rows, np.int64),
            np.empty(rows, np.int64),
        )

    def _grow(self, old: int, new: int) -> None:
        # Ring of the newest delay + 1 rows; contributions in half precision: they only rank channels.
        depth = self._delay + 1
        fresh = (
            np.zeros(new - old, np.int64),
            np.zeros((new - old, depth), np.int64),
            np.zeros((new - old, depth), np.float64),
            np.zeros((new - old, depth, self._channels), np.float32),
            np.zeros((new - old, depth), np.bool_),
        )
        self._state = tuple(np.concatenate(pair) for pair in zip(self._state, fresh, strict=True)) if old else fresh

    @property
    def _count(self) -> Ints:
        return self._state[0]


def _settled(out: tuple[Floats, ...], n: int) -> Settled:
    return Settled(*(column[:n] for column in out))


@njit(cache=True)
def _settle(s, back, count, times, scores, shares, warm, n, trigger, o_series, o_time, o_score, o_share, o_warm, o_trigger, o_back):  # type: ignore[no-untyped-def]  # noqa: E501
    """Writes the row ``back`` rows before the newest one, averaged over the rows from it to the newest."""
    depth = times.shape[1]
    first = (count[s] - 1 - back) % depth
    o_series[n], o_time[n], o_warm[n] = s, times[s, first], warm[s, first]
    o_trigger[n], o_back[n] = trigger, back
    total, seen = 0.0, 0
    o_share[n] = 0
    for j in range(back, -1, -1):
        at = (count[s] - 1 - j) % depth
        if not np.isnan(scores[s, at]):
            total += scores[s, at]
            seen += 1
            o_share[n] += shares[s, at] * np.float32(scores[s, at])
    norm = o_share[n].sum()
    if norm > 0:
        o_share[n] /= norm
    o_score[n] = np.nan if np.isnan(scores[s, first]) else total / seen


@njit(cache=True)
def _drain(s, n, count, times, scores, shares, warm, o_series, o_time, o_score, o_share, o_warm, o_trigger, o_back):  # type: ignore[no-untyped-def]  # noqa: E501
    depth = times.shape[1]
    for back in range(min(count[s], depth - 1) - 1, -1, -1):
        _settle(s, back, count, times, scores, shares, warm, n, -1, o_series, o_time, o_score, o_share, o_warm, o_trigger, o_back)  # noqa: E501
        n += 1
    count[s] = 0
    return n


@njit(cache=True)
def _push(series, time_ns, score, share, warming, start, count, times, scores, shares, warm, o_series, o_time, o_score, o_share, o_warm, o_trigger, o_back):  # type: ignore[no-untyped-def]  # noqa: E501
    depth = times.shape[1]
    n = 0
    for i in range(len(series)):
        s = series[i]
        if start[i]:
            n = _drain(s, n, count, times, scores, shares, warm, o_series, o_time, o_score, o_share, o_warm, o_trigger, o_back)  # noqa: E501
        at = count[s] % depth
        times[s, at], scores[s, at], shares[s, at], warm[s, at] = time_ns[i], score[i], share[i], warming[i]
        count[s] += 1
        if count[s] >= depth:
            _settle(s, depth - 1, count, times, scores, shares, warm, n, i, o_series, o_time, o_score, o_share, o_warm, o_trigger, o_back)  # noqa: E501
            n += 1
    return n
