"""Decisions made by hand for tests of alerts."""

from collections.abc import Sequence

import numpy as np

from detector.alerting.alert import Alert
from detector.alerting.policy import AlertConfig, AlertPolicy
from detector.types import DecisionBatch, Explanation, Ints, cut
from detector.windows.entities import SeriesIndex
from detector.windows.schema import Channel, Schema

SCHEMA = Schema(channels=(Channel(name="pressure", unit="bar"), Channel(name="flow", unit="l/s")), interval_s=10.0)
STEP_NS = 10_000_000_000


def decisions(scores: Sequence[float], series: Sequence[int] | None = None) -> DecisionBatch:
    """Row i has the time of its step in its series and puts 1 / (1 + i % 7) of the score on the first channel."""
    score = np.array(scores, np.float64)
    ids = np.array(series if series is not None else [0] * len(score), np.int32)
    step = np.array([(ids[:i] == s).sum() for i, s in enumerate(ids)], np.int64)
    share = 1 / (1 + np.arange(len(score)) % 7)
    return DecisionBatch(
        ids,
        step * STEP_NS,
        score,
        score >= 1,
        np.where(np.isnan(score), np.nan, 0.5),
        np.stack([share, 1 - share], axis=1).astype(np.float32),
        np.zeros(len(score), bool),
    )


class Reasons:
    """Explains a row by its score and remembers which rows it was asked about."""

    def __init__(self, batch: DecisionBatch) -> None:
        self.batch = batch
        self.asked: list[int] = []

    def __call__(self, rows: Ints) -> Explanation:
        self.asked += rows.tolist()
        value = self.batch.anomaly_score[rows][:, None] * np.ones(2)
        return Explanation(value, value + 1, value + 0.5, np.full_like(value, np.nan))


def keys(series: int = 1) -> SeriesIndex:
    index = SeriesIndex()
    index.ids([f"pump-{s}" for s in range(series)])
    return index


def policy(**settings: float) -> AlertPolicy:
    return AlertPolicy(AlertConfig(**settings), SCHEMA, "pumps", "7")


def run(scores: Sequence[float], cuts: Sequence[int] = (), **settings: float) -> list[Alert]:
    """Alerts of one series, its rows given in batches that end at ``cuts``."""
    batch, engine, index, alerts = decisions(scores), policy(**settings), keys(), []
    for part in np.split(np.arange(len(batch)), cuts):
        piece = cut(batch, part)
        alerts += engine.push(piece, index, Reasons(piece))
    return alerts


def story(alerts: Sequence[Alert]) -> list[tuple[str, str, int, int | None]]:
    """(state, severity, first row, last row) of every record."""
    return [
        (a.state, a.severity, a.start_ns // STEP_NS, None if a.end_ns is None else a.end_ns // STEP_NS) for a in alerts
    ]
