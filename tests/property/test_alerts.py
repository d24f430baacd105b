"""Alerts do not depend on how the stream is cut, and stopping at any row and going on gives the same."""

import json
from collections.abc import Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.alerting.alert import Alert
from detector.alerting.policy import AlertConfig, AlertPolicy
from detector.types import DecisionBatch, Explanation, Ints, cut
from detector.windows.entities import SeriesIndex
from detector.windows.schema import Channel, Schema

SERIES = 3
SCHEMA = Schema(channels=(Channel(name="a", unit="V"), Channel(name="b")))
LEVELS = [0.0, 0.3, 0.8, 0.9, 1.0, 1.5, 2.0, 3.0, 4.0, float("nan")]

rows = st.lists(st.tuples(st.integers(0, SERIES - 1), st.sampled_from(LEVELS)), max_size=60)
configs = st.builds(
    AlertConfig,
    min_duration_rows=st.integers(1, 4),
    merge_gap_rows=st.integers(1, 5),
    resolve_ratio=st.sampled_from([0.5, 0.8, 1.0]),
)


def decided(stream: Sequence[tuple[int, float]]) -> DecisionBatch:
    ids = np.array([series for series, _ in stream], np.int32)
    score = np.array([score for _, score in stream], np.float64)
    share = np.random.default_rng(0).random(len(ids))
    contribution = np.stack([share, 1 - share], axis=1).astype(np.float32)
    time_ns = np.arange(len(ids), dtype=np.int64)
    return DecisionBatch(ids, time_ns, score, score >= 1, score, contribution, np.zeros(len(ids), bool))


def explain(batch: DecisionBatch, asked: Ints) -> Explanation:
    value = np.stack([batch.time_ns[asked] / 3, np.full(len(asked), np.nan)], axis=1)
    return Explanation(value, value + 1, value - 1, value + 2)


def fresh(config: AlertConfig) -> AlertPolicy:
    return AlertPolicy(config, SCHEMA, "pumps", "1")


def keys(order: Sequence[int]) -> SeriesIndex:
    index = SeriesIndex()
    index.ids([f"pump-{series}" for series in order])
    return index


def push(policy: AlertPolicy, batch: DecisionBatch) -> list[Alert]:
    return policy.push(batch, keys(range(SERIES)), lambda asked: explain(batch, asked))


def row_by_row(config: AlertConfig, stream: Sequence[tuple[int, float]]) -> list[tuple[int, str, int, float]]:
    """The rules in their plainest form: (series, state, start row, peak) of every change."""
    changes = []
    state: dict[int, dict] = {}
    ranks = ["warning", "major", "critical"]
    for row, (series, score) in enumerate(stream):
        if np.isnan(score):
            continue
        now = state.get(series)
        if now is None:
            if score < 1:
                continue
            now = state[series] = {"start": row, "peak": 0.0, "over": 0, "calm": 0, "told": None}
        if score < config.resolve_ratio:
            now["calm"] += 1
            if now["told"] is None:
                del state[series]
            elif now["calm"] == config.merge_gap_rows:
                changes.append((series, "resolved", now["start"], now["peak"]))
                del state[series]
            continue
        now["calm"] = 0
        now["over"] += score >= 1
        now["peak"] = max(now["peak"], score)
        severity = ranks[(now["peak"] >= 2) + (now["peak"] >= 4)]
        if now["over"] >= config.min_duration_rows and severity != now["told"]:
            now["told"] = severity
            changes.append((series, "firing", now["start"], now["peak"]))
    return changes


@settings(max_examples=150, deadline=None)
@given(rows, configs)
def test_equal_to_the_rules_applied_row_by_row(stream: list[tuple[int, float]], config: AlertConfig) -> None:
    alerts = push(fresh(config), decided(stream))
    told = [(int(a.series.removeprefix("pump-")), a.state, a.start_ns, a.peak_score) for a in alerts]
    assert told == row_by_row(config, stream)


@settings(max_examples=150, deadline=None)
@given(rows, configs, st.lists(st.integers(0, 60), max_size=6), st.booleans())
def test_cutting_or_restarting_anywhere_changes_nothing(
    stream: list[tuple[int, float]], config: AlertConfig, cuts: list[int], restart: bool
) -> None:
    batch = decided(stream)
    whole = fresh(config)
    expected = push(whole, batch)
    policy, alerts = fresh(config), []
    for part in np.split(np.arange(len(batch)), sorted(min(c, len(batch)) for c in cuts)):
        if restart:
            saved = json.loads(json.dumps(policy.state()))
            policy = fresh(config)
            policy.restore(saved)
        alerts += push(policy, cut(batch, part))
    assert alerts == expected
    assert policy.flush() == whole.flush()
    assert policy.state() == whole.state()
