"""Windows equal those of a plain list per series, however the stream is cut."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.types import SampleBatch
from detector.windows.buffer import WindowBuffer
from detector.windows.gather import gathered

CHANNELS = 2
Row = tuple[int, int, bool, float]


@st.composite
def streams(draw: st.DrawFn) -> list[Row]:
    steps = draw(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9), st.booleans()), max_size=60))
    cells: dict[int, int] = {}
    rows = []
    for position, (series, step, start) in enumerate(steps):
        fresh = start or series not in cells
        cells[series] = cells.get(series, 0) + step
        rows.append((series, cells[series], fresh, float(position)))
    return rows


def batch(rows: list[Row]) -> tuple[SampleBatch, np.ndarray]:
    n = len(rows)
    series, cell, start, value = (np.array(column) for column in zip(*rows, strict=True)) if rows else ([],) * 4
    cell = np.asarray(cell, np.int64)
    values = np.asarray(value, np.float32).reshape(n, 1) + np.arange(CHANNELS, dtype=np.float32) / 4
    samples = SampleBatch(
        np.asarray(series, np.int32), cell, values, cell, np.asarray(start, bool), np.zeros(n, np.int32), np.arange(n)
    )
    return samples, values


def reference(rows: list[Row], window: int, hop: int) -> list[np.ndarray]:
    held: dict[int, list[float]] = {}
    last: dict[int, int] = {}
    out = []
    for series, cell, start, value in rows:
        held[series] = [value] if start else [*held[series], value]
        if start or cell // hop != last[series] // hop or cell == last[series]:
            newest = held[series][-window:]
            out.append(np.array([np.nan] * (window - len(newest)) + newest))
        last[series] = cell
    return out


@settings(deadline=None)
@given(streams(), st.integers(1, 7), st.integers(1, 4), st.lists(st.integers(0, 60), max_size=4))
def test_windows_do_not_depend_on_cuts(rows: list[Row], window: int, hop: int, cuts: list[int]) -> None:
    buffer = WindowBuffer(window, CHANNELS, capacity=1, hop=hop)
    edges = sorted({0, len(rows), *(cut for cut in cuts if cut < len(rows))})
    due = [buffer.push(*batch(rows[a:b])) for a, b in itertools.pairwise(edges)]
    parts = [gathered(one.rows, one.end, window) for one in due]
    windows = np.concatenate([np.empty((0, window, CHANNELS), np.float32), *parts])
    expected = reference(rows, window, hop)
    assert len(windows) == len(expected)
    for got, wanted in zip(windows, expected, strict=True):
        np.testing.assert_array_equal(got[:, 0], wanted)
        np.testing.assert_array_equal(got[:, 1], wanted + 0.25)


@settings(deadline=None)
@given(streams(), st.integers(1, 7), st.integers(2, 4), st.integers(0, 60))
def test_every_window_of_the_newest_poll_can_be_had(rows: list[Row], window: int, hop: int, at: int) -> None:
    at = min(at, len(rows))
    buffer = WindowBuffer(window, CHANNELS, capacity=1, hop=hop)
    buffer.push(*batch(rows[:at]))
    due = buffer.push(*batch(rows[at:]))
    recalled = buffer.recall(np.arange(len(rows) - at))
    expected = reference(rows, window, 1)[at:]
    assert len(recalled) == len(expected)
    for got, wanted in zip(recalled, expected, strict=True):
        np.testing.assert_array_equal(got[:, 0], wanted)
    np.testing.assert_array_equal(recalled[due.row], gathered(due.rows, due.end, window))
