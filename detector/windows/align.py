"""Readings in order of arrival become rows in order of event time, one series at a time.

A row stays open until the newest time of its series has passed it by the allowed lateness, so any shuffle within that
bound gives the same rows, and nothing depends on how the stream is cut into polls. What is dropped is counted.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from detector.errors import ConfigError
from detector.ids import span
from detector.state import State
from detector.types import Bools, Floats, Ints, ReadingBatch, SampleBatch
from detector.windows.align_state import EVICTED, FOREVER, NEVER, POLICIES, AlignState, Rules
from detector.windows.closed_rows import Written, larger, room, write
from detector.windows.open_rows import returns, settle, take
from detector.windows.schema import NS, Schema
from detector.windows.straight_rows import straight

# Readings per kernel call: bounds the pool of open rows when whole files are pushed at once.
_CHUNK = 16_384
# Readings that go the long way, before the short way is tried again.
_FEW = 256


class AlignConfig(BaseModel):
    """How readings become rows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lateness_s: float = Field(
        default=0.0, ge=0, description="How far a reading may lie behind the newest one of its series"
    )
    break_after_s: float | None = Field(
        default=None, gt=0, description="A series begins a new run after a gap longer than this; empty: never"
    )
    max_fill: int = Field(
        default=64, ge=0, description="Missing grid cells in a row that are filled; a longer gap begins a new run"
    )
    hold_limit_s: float | None = Field(
        default=None, gt=0, description="Longest time that a held value stands in for missing ones; empty: no limit"
    )
    max_ahead_s: float | None = Field(
        default=None,
        gt=0,
        description="A reading this far ahead of the newest time of its partition is dropped as absurd; must exceed "
        "the longest silence of a partition; empty: nothing is absurd",
    )
    evict_after_s: float | None = Field(
        default=None,
        gt=0,
        description="A series silent for longer, by the newest time of its partition, is forgotten; empty: never",
    )
    max_open: int = Field(
        default=4096, ge=1, description="Rows of a series that may wait for late readings; then the oldest closes early"
    )


@dataclass(frozen=True, slots=True)
class AlignCounters:
    """What became of all readings so far.

    Attributes:
        readings: readings taken.
        late: readings dropped, their row or a later one having closed.
        duplicate: readings that repeat a time or a value already there.
        nonfinite: infinite values, taken as missing.
        ahead: readings dropped for an absurd time.
        forced: rows closed early because too many were open.
        filled: rows made for grid cells without readings.
        broken: runs begun anew after a gap.
        evicted: series forgotten for their silence.
    """

    readings: int
    late: int
    duplicate: int
    nonfinite: int
    ahead: int
    forced: int
    filled: int
    broken: int
    evicted: int


class Aligner:
    """Puts the readings of all series into rows, with all state in arrays indexed by series id.

    In ``grid`` alignment readings of one cell make one row, and cells without a reading are filled by the gap policy
    once the next row closes. In ``rows`` alignment readings of one time make one row and nothing is put between rows;
    with no lateness each record is a row at once, so channels that arrive in records of their own need a lateness.
    """

    def __init__(self, schema: Schema, config: AlignConfig | None = None, capacity: int = 256) -> None:
        """Makes an aligner that has seen nothing.

        Args:
            schema: channels, alignment and grid step.
            config: defaults if not given.
            capacity: series to make room for now; room doubles when a larger id arrives.

        Raises:
            ConfigError: the lateness keeps more grid cells open than ``max_open``.
        """
        self._rules = _rules(schema, config or AlignConfig())
        self._gap = np.array([POLICIES.index(channel.gap) for channel in schema.channels], np.int8)
        self._state = AlignState(capacity, len(schema.channels))

    @property
    def counters(self) -> AlignCounters:
        """Totals since the beginning."""
        return AlignCounters(*self._state.counters.tolist())

    @property
    def nbytes_per_series(self) -> int:
        """Bytes of state that one series without open rows occupies."""
        return (self._state.series.nbytes + self._state.last.nbytes) // len(self._state.series)

    def push(self, readings: ReadingBatch) -> SampleBatch:
        """Takes readings and returns the rows that they close, in order of closing.

        Args:
            readings: B readings in order of arrival.

        Returns:
            Rows, ordered by event time within each series; their number has nothing to do with B.
        """
        columns = (readings.series, readings.time_ns, readings.values, readings.partition, readings.offset)
        kinds = (np.int32, np.int64, np.float64, np.int32, np.int64)
        arrays = [np.ascontiguousarray(column, kind) for column, kind in zip(columns, kinds, strict=True)]
        self._check(*arrays)
        if self._rules.grid or self._rules.settle_ns:
            begins = range(0, len(readings), _CHUNK)
            closed = (self._take([array[begin : begin + _CHUNK] for array in arrays]) for begin in begins)
            return self._written(len(readings), closed)
        return self._straight(arrays)

    def flush(self) -> SampleBatch:
        """Closes all open rows, as at the end of the input."""
        return self._settle(np.ones(len(self._state.series), np.bool_))

    def returns(self, readings: ReadingBatch) -> Ints:
        """Returns the places [K] of readings before which a series was silent for longer than ``evict_after_s``.

        Args:
            readings: about to be pushed; nothing changes here.
        """
        if self._rules.evict_keys == FOREVER or not len(readings):
            return np.empty(0, np.int64)
        series, partition = readings.series, readings.partition
        self._state.reserve(span(series), span(partition), 0)
        seen, mark = self._state.series["seen_ns"].copy(), self._state.watermark.copy()
        return np.flatnonzero(returns(series, readings.time_ns, partition, self._rules, seen, mark))

    def evict(self) -> tuple[SampleBatch, Ints]:
        """Forgets series silent for longer than ``evict_after_s``.

        Whether and when this is called changes no row: a series that returns after such a silence begins anew in any
        case, and its open rows close with that at the latest. Who keeps more of a series than rows calls it before
        every reading that ``returns`` names, so that nothing else depends on it either.

        Returns:
            Their open rows, closed, and their ids, which may then be reused.
        """
        rules, series = self._rules, self._state.series
        if rules.evict_keys == FOREVER:
            return self._written(0, []), np.empty(0, np.int32)
        mark, seen = self._state.watermark[series["partition"]], series["seen_ns"]
        silent = seen != NEVER
        passed = (mark[silent] - rules.lateness_ns) // rules.step_ns - seen[silent] // rules.step_ns
        silent[silent] = passed > rules.evict_keys
        rows, ids = self._settle(silent), np.flatnonzero(silent).astype(np.int32)
        self._state.forget(ids)
        self._state.counters[EVICTED] += len(ids)
        return rows, ids

    def state(self, series: Ints, partition: int) -> State:
        """Returns what is kept of these series, all there are, whose readings came from one partition."""
        return self._state.state(series, partition)

    def restore(self, series: Ints, partition: int, state: State) -> None:
        """Takes up a state; nothing was pushed before.

        Raises:
            DataError: it is damaged or of other channels.
        """
        self._state.restore(series, partition, state)

    def _straight(self, arrays: list[np.ndarray]) -> SampleBatch:
        """Takes readings that are rows at once, the long way where they are not as simple as most."""
        series, _, _, partition, _ = arrays
        state, size, at = self._state, len(series), 0
        out, n = room(size, len(self._gap)), 0
        state.reserve(span(series), span(partition), 0)
        while at < size:
            rest = [array[at:] for array in arrays]
            kept = (state.series, state.last, self._gap, state.watermark, state.counters)
            taken, n = straight(*(*rest, self._rules, *kept, out, n))
            at += taken
            if at < size:
                some = [array[at : at + _FEW] for array in arrays]
                out, n = self._write(out, n, *self._take(some))
                out = larger(out, n + size - at)
                at += len(some[0])
        return SampleBatch(*Written._make(column[:n] for column in out))

    def _take(self, arrays: list[np.ndarray]) -> tuple[Ints, int]:
        series, time_ns, values, partition, offset = arrays
        state, rules = self._state, self._rules
        state.reserve(span(series), span(partition), len(series))
        readings = (series, time_ns, values, partition, offset)
        pool = (state.rows, state.cells, state.spare, state.height)
        return take(*readings, rules, state.series, *pool, state.watermark, state.counters)

    def _settle(self, series: Bools) -> SampleBatch:
        state = self._state
        closed = settle(series, self._rules, state.series, state.rows, state.height, state.counters)
        return self._written(0, [closed])

    def _written(self, expected: int, parts: Iterable[tuple[Ints, int]]) -> SampleBatch:
        """Writes closed rows out, part by part; ``expected`` rows are a good guess."""
        out, n = room(expected, len(self._gap)), 0
        for closed, rows in parts:
            out, n = self._write(out, n, closed, rows)
        return SampleBatch(*Written._make(column[:n] for column in out))

    def _write(self, out: Written, n: int, closed: Ints, rows: int) -> tuple[Written, int]:
        """Writes closed rows out from row ``n`` on, in all so many; returns where, and the row after the last."""
        state, out = self._state, larger(out, n + rows)
        pool = (state.rows, state.cells, state.spare, state.height)
        return out, write(closed, self._rules, self._gap, state.last, *pool, state.counters, out, n)

    def _check(self, series: Ints, time_ns: Ints, values: Floats, partition: Ints, offset: Ints) -> None:
        """Checks everything that compiled code relies on without looking."""
        size, channels = len(series), len(self._gap)
        if values.shape != (size, channels) or not size == len(time_ns) == len(partition) == len(offset):
            raise ValueError(f"expected {size} readings of {channels} channels, got values of shape {values.shape}")


def _rules(schema: Schema, config: AlignConfig) -> Rules:
    grid = schema.alignment == "grid"
    step_ns = schema.interval_ns if grid else 1
    lateness_ns = round(config.lateness_s * NS)
    if grid and lateness_ns // step_ns + 2 > config.max_open:
        raise ConfigError(
            f"lateness_s {config.lateness_s:g} keeps {lateness_ns // step_ns + 2} rows of {schema.interval_s:g} s "
            f"open, more than max_open {config.max_open}: raise max_open or lower lateness_s."
        )
    evict_keys = _ns(config.evict_after_s) // step_ns if config.evict_after_s else FOREVER
    break_keys = min(evict_keys, _ns(config.break_after_s) // step_ns)
    if grid:
        break_keys = min(break_keys, 1 if any(c.gap == "break" for c in schema.channels) else config.max_fill + 1)
    return Rules(
        grid=grid,
        step_ns=step_ns,
        interval_ns=schema.interval_ns,
        # A row ends one step after its key; without lateness a record that is a row need not wait for its end.
        settle_ns=step_ns + lateness_ns if grid or lateness_ns else 0,
        lateness_ns=lateness_ns,
        break_keys=break_keys,
        evict_keys=evict_keys,
        ahead_ns=_ns(config.max_ahead_s),
        hold_ns=_ns(config.hold_limit_s),
        max_open=config.max_open,
    )


def _ns(seconds: float | None) -> int:
    return FOREVER if seconds is None else round(seconds * NS)
