"""Scores do not depend on how a stream is cut into polls, nor on stopping and going on, bit for bit."""

import functools
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.api import fit, score
from detector.bundle import Bundle
from detector.inference import Scorer, Verdict, calibrate
from detector.members.autoencoder import AutoencoderMember
from detector.members.memory import MemoryMember
from detector.members.projection import ProjectionMember
from detector.members.table import DetectorConfig
from detector.models.backbones.conv1d import Conv1dBackbone
from detector.models.backbones.lstm import LstmBackbone
from detector.models.variants.conditional_vae import ConditionalVaeConfig
from detector.models.variants.deep import DeepConfig
from detector.training.trainer import TrainerConfig
from detector.types import ReadingBatch, SampleBatch, cut, joined
from detector.windows.align import AlignConfig, Aligner
from detector.windows.schema import NS

SERIES, ROWS, CHANNELS = 3, 70, 2
DELAYS = (0, 16)
QUICK = TrainerConfig(steps=8, batch=16)
NETWORK = {"variant": DeepConfig(), "trainer": QUICK}
DETECTORS = {
    "closed form": (
        MemoryMember(name="near", window=8, size=100),
        MemoryMember(name="shape", window=19, size=100, stride=3, centre=True, stand_in=True),
        ProjectionMember(name="pca", window=11),
        ProjectionMember(name="slow", window=6, stride=5, pooling="mean"),
    ),
    "networks": (
        AutoencoderMember(name="cae", window=24, stride=4, backbone=Conv1dBackbone(width=8), centre=True, **NETWORK),
        AutoencoderMember(name="rnn", window=9, stride=2, last=3, backbone=LstmBackbone(width=8), **NETWORK),
        AutoencoderMember(name="told", window=8, variant=ConditionalVaeConfig(), clock=True, trainer=QUICK),
    ),
}
Told = dict[int, list[np.ndarray]]


def frame(rows: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    load = np.sin(np.arange(rows) / 7)
    values = np.stack([load, 1 - load], axis=1) + 0.1 * rng.normal(size=(rows, CHANNELS))
    return pd.DataFrame(values, columns=["flow", "pressure"]).assign(timestamp=np.arange(rows))


every_kind = pytest.mark.parametrize("kind", DETECTORS)


@functools.cache
def bundle(kind: str) -> Bundle:
    return fit(frame(300, 0), DetectorConfig(members=DETECTORS[kind]))


def stream(seed: int, gaps: bool) -> SampleBatch:
    """Interleaved series; with gaps also breaks, skipped and repeated cells, masked values and wholly empty rows."""
    rng = np.random.default_rng(seed)
    series = rng.permutation(np.repeat(np.arange(SERIES, dtype=np.int32), ROWS))
    rows = SERIES * ROWS
    values, start = np.empty((rows, CHANNELS)), np.zeros(rows, bool)
    cell = np.empty(rows, np.int64)
    steps = ([0.1, 0.7, 0.2], [0.95, 0.02, 0.03])[seed % 2]  # rows far apart, rows in bursts
    for one in range(SERIES):
        at = np.flatnonzero(series == one)
        values[at] = frame(ROWS, seed + one)[["flow", "pressure"]]
        cell[at] = 7 * one + np.cumsum(rng.choice([0, 1, 4], ROWS, p=steps) if gaps else np.ones(ROWS, np.int64))
        start[at[0]] = True
        values[at[ROWS // 2 : ROWS // 2 + 5], 1] += 3
        if gaps:
            start[at[rng.integers(0, ROWS, 2)]] = True
    if gaps:
        values[rng.random(values.shape) < 0.1] = np.nan
        values[rng.random(rows) < 0.05] = np.nan
    order = np.arange(rows, dtype=np.int64)
    return SampleBatch(series, order, values, cell, start, np.zeros(rows, np.int32), order)


def parts(samples: SampleBatch, cuts: Sequence[int]) -> Iterator[SampleBatch]:
    edges = [0, *sorted(cuts), len(samples)]
    return (cut(samples, slice(a, b)) for a, b in itertools.pairwise(edges))


def scorer(kind: str, delay: int, limit_ratio: float = 0.5) -> Scorer:
    """A fresh scorer; by default one that takes most rows for anomalies, so that it has much to explain."""
    detector = bundle(kind).detector
    calibrator = calibrate(detector, delay)
    return Scorer(detector, replace(calibrator, limit=limit_ratio * calibrator.limit), delay, capacity=1)


def verdicts(engine: Scorer, batches: Iterator[SampleBatch]) -> Iterator[Verdict]:
    for batch in batches:
        yield from engine.push(batch)
    yield engine.flush()


def told(engine: Scorer, batches: Iterator[SampleBatch], from_row: int = 0) -> Told:
    """Every column of the decisions, and the explanations, of every series in order of time."""
    rows, reasons = [], []
    for verdict in verdicts(engine, batches):
        asked = np.flatnonzero(verdict.decisions.is_anomaly & (verdict.decisions.time_ns >= from_row))
        rows.append(verdict.decisions)
        reasons.append((verdict.decisions.series[asked], verdict.explain(asked)))
    found: Told = {}
    for one in range(SERIES):
        mine = joined([cut(part, (part.series == one) & (part.time_ns >= from_row)) for part in rows])
        why = joined([cut(explanation, series == one) for series, explanation in reasons])
        found[one] = [getattr(batch, f.name) for batch in (mine, why) for f in fields(batch)]
    return found


def assert_same(found: Told, expected: Told) -> None:
    for one in range(SERIES):
        for mine, other in zip(found[one], expected[one], strict=True):
            np.testing.assert_array_equal(mine, other)


@every_kind
@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 99),
    gaps=st.booleans(),
    delay=st.sampled_from(DELAYS),
    cuts=st.lists(st.integers(0, SERIES * ROWS), max_size=12),
)
def test_cutting_a_stream_changes_nothing(kind: str, seed: int, gaps: bool, delay: int, cuts: list[int]) -> None:
    samples = stream(seed, gaps)
    whole = told(scorer(kind, delay), parts(samples, []))
    assert sum(len(rows[0]) for rows in whole.values()) == len(samples)
    assert_same(told(scorer(kind, delay), parts(samples, cuts)), whole)


@every_kind
@pytest.mark.parametrize("delay", DELAYS)
def test_one_row_at_a_time(kind: str, delay: int) -> None:
    samples = stream(5, gaps=True)
    each = range(1, len(samples))
    whole = told(scorer(kind, delay), parts(samples, []))
    assert_same(told(scorer(kind, delay), parts(samples, each)), whole)
    assert all(len(rows[-1]) > ROWS // 10 for rows in whole.values()), "many rows are explained"


@every_kind
@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 99),
    gaps=st.booleans(),
    delay=st.sampled_from(DELAYS),
    at=st.integers(1, SERIES * ROWS - 1),
)
def test_going_on_after_a_stop(kind: str, seed: int, gaps: bool, delay: int, at: int) -> None:
    """A fresh scorer that is shown ``memory_rows`` of every series again says what the old one would have said."""
    samples = stream(seed, gaps)
    fresh = scorer(kind, delay)
    memory = [np.flatnonzero(samples.series[:at] == one)[-fresh.memory_rows :] for one in range(SERIES)]
    fresh.push(cut(samples, np.sort(np.concatenate(memory))))
    old = scorer(kind, delay)
    old.push(cut(samples, slice(0, at)))
    rest = cut(samples, slice(at, None))
    assert_same(told(fresh, parts(rest, [])), told(old, parts(rest, [])))


@every_kind
@pytest.mark.parametrize("delay", DELAYS)
def test_a_frame_scores_like_its_stream(kind: str, delay: int) -> None:
    recent = frame(120, 9)
    recent.loc[50:60, "flow"] = np.nan
    recent.loc[80:84, "pressure"] += 4
    engine, schema = scorer(kind, delay, limit_ratio=1), bundle(kind).detector.schema
    aligner = Aligner(schema, AlignConfig(), capacity=1)
    zero = np.zeros(1, np.int32)
    live = []
    for row in recent.itertuples():
        values = np.array([[row.flow, row.pressure]])
        reading = ReadingBatch(zero, np.array([row.timestamp * NS]), values, zero, zero.astype(np.int64))
        live.append(engine.decide(aligner.push(reading)))
    live += [engine.decide(aligner.flush()), engine.flush().decisions]
    offline = score(bundle(kind), recent, delay)
    np.testing.assert_array_equal(joined(live).anomaly_score, offline.anomaly_score)
    np.testing.assert_array_equal(joined(live).is_anomaly, offline.is_anomaly)
