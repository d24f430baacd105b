"""Alignment gives the same rows for any shuffle within the lateness and any cutting into polls."""

import itertools
from dataclasses import asdict, fields

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.types import ReadingBatch, SampleBatch
from detector.windows.align import AlignConfig, Aligner
from detector.windows.schema import NS, Channel, Schema

SERIES = 3
TENTH = NS // 10


@st.composite
def aligners(draw: st.DrawFn, lateness_tenths: int) -> dict:
    gaps = draw(st.lists(st.sampled_from(["hold", "linear", "mask", "break"]), min_size=2, max_size=2))
    schema = Schema(
        channels=tuple(Channel(name=f"c{i}", gap=gap) for i, gap in enumerate(gaps)),
        alignment=draw(st.sampled_from(["rows", "grid"])),
        interval_s=draw(st.sampled_from([0.3, 1.0])),
    )
    config = AlignConfig(
        lateness_s=lateness_tenths / 10,
        max_fill=draw(st.integers(0, 5)),
        break_after_s=draw(st.none() | st.floats(0.5, 5)),
        hold_limit_s=draw(st.none() | st.floats(0.5, 5)),
        evict_after_s=draw(st.none() | st.floats(1, 8)),
    )
    return {"schema": schema, "config": config, "capacity": 1}


@st.composite
def streams(draw: st.DrawFn) -> ReadingBatch:
    """Readings in order of event time, several at one time and several per cell among them."""
    reading = st.tuples(
        st.integers(0, SERIES - 1),
        st.sampled_from([0, 0, 1, 1, 2, 5, 9, 40]),
        st.sampled_from([1.0, 2.0, 3.0, np.nan, np.inf]),
        st.sampled_from([1.0, -2.0, np.nan]),
    )
    drawn = draw(st.lists(reading, max_size=40))
    series, steps, one, other = np.array(drawn, float).reshape(-1, 4).T
    n = len(drawn)
    values = np.column_stack([one, other])
    return ReadingBatch(
        series.astype(np.int32), np.cumsum(steps).astype(np.int64) * TENTH, values, np.zeros(n, np.int32), np.arange(n)
    )


def picked(batch: ReadingBatch, order: np.ndarray) -> ReadingBatch:
    return ReadingBatch(*(getattr(batch, field.name)[order] for field in fields(batch)))


def aligned(settings_of: dict, batch: ReadingBatch, cuts: list[int], evict: bool = False) -> tuple[list[list], dict]:
    """Rows per series of a stream pushed in pieces, and the counters."""
    aligner = Aligner(**settings_of)
    edges = sorted({0, len(batch), *(cut for cut in cuts if cut < len(batch))})
    parts: list[SampleBatch] = []
    for a, b in itertools.pairwise(edges):
        parts.append(aligner.push(picked(batch, np.arange(a, b))))
        if evict:
            parts.append(aligner.evict()[0])
    parts.append(aligner.flush())
    rows: list[list] = [[] for _ in range(SERIES)]
    for part in parts:
        for i, series in enumerate(part.series):
            # repr tells NaN from NaN no more than equality should, and -0.0 from 0.0.
            row = (part.time_ns[i], part.cell[i], part.start[i], part.offset[i], *part.values[i])
            rows[series].append(repr([np.asarray(x).item() for x in row]))
    return rows, asdict(aligner.counters)


@settings(deadline=None, max_examples=150)
@given(st.data(), streams(), st.integers(0, 20), st.lists(st.integers(0, 40), max_size=4))
def test_shuffles_within_the_lateness_change_no_row(
    data: st.DataObject, batch: ReadingBatch, lateness_tenths: int, cuts: list[int]
) -> None:
    settings_of = data.draw(aligners(max(lateness_tenths, 1)))
    delays = data.draw(st.lists(st.integers(0, max(lateness_tenths, 1)), min_size=len(batch), max_size=len(batch)))
    # Nothing arrives more than the lateness after a reading of a later time, so all stays within the bound.
    arrival = np.argsort(batch.time_ns + np.array(delays, np.int64) * TENTH, kind="stable")
    rows, counters = aligned(settings_of, batch, [])
    shuffled, after = aligned(settings_of, picked(batch, arrival), cuts)
    assert shuffled == rows
    assert after["late"] == counters["late"] == 0
    # Whether a run begins anew by its gap or by eviction first, and which value is the repeated one, is left to order.
    ordered = {"duplicate", "evicted"} | ({"broken"} if settings_of["config"].evict_after_s else set())
    for name in counters.keys() - ordered:
        assert after[name] == counters[name], name


@settings(deadline=None, max_examples=150)
@given(st.data(), streams(), st.integers(0, 20), st.lists(st.integers(0, 40), max_size=6), st.booleans())
def test_cuts_and_evictions_change_nothing(
    data: st.DataObject, batch: ReadingBatch, lateness_tenths: int, cuts: list[int], evict: bool
) -> None:
    settings_of = data.draw(aligners(lateness_tenths))
    order = np.array(data.draw(st.permutations(range(len(batch)))), int)
    anyhow = picked(batch, order)
    rows, counters = aligned(settings_of, anyhow, [])
    cut, after = aligned(settings_of, anyhow, cuts, evict)
    assert cut == rows
    if not evict:
        assert after == counters


@settings(deadline=None, max_examples=80)
@given(st.data(), streams(), st.integers(0, 20))
def test_rows_are_in_order_and_every_reading_is_accounted_for(
    data: st.DataObject, batch: ReadingBatch, lateness_tenths: int
) -> None:
    settings_of = data.draw(aligners(lateness_tenths))
    settings_of["config"] = settings_of["config"].model_copy(update={"evict_after_s": None})
    aligner = Aligner(**settings_of)
    order = np.array(data.draw(st.permutations(range(len(batch)))), int)
    parts = [aligner.push(picked(batch, order)), aligner.flush()]
    for series in range(SERIES):
        times = np.concatenate([part.time_ns[part.series == series] for part in parts])
        starts = np.concatenate([part.start[part.series == series] for part in parts])
        assert (np.diff(times) > 0).all()
        assert starts[:1].all()
    counters, made = aligner.counters, sum(map(len, parts))
    assert counters.readings == len(batch)
    assert made - counters.filled <= counters.readings - counters.late
    assert np.isfinite(np.concatenate([part.values for part in parts])).sum() <= 2 * made
