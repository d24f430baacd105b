"""From decisions about rows to alerts about incidents: pending, firing, resolved."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import ceil
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from detector.alerting.alert import Alert, ChannelShare, Severity, State, alert_id
from detector.alerting.excursion import Excursion, dumped, loaded
from detector.types import DecisionBatch, Explanation, Ints

Explain = Callable[[Ints], Explanation]


class AlertConfig(BaseModel):
    """When rows over the limit become an alert, and when it ends; scores are in units of the limit.

    Attributes:
        min_duration_rows: rows over the limit, with no calm one between them, before an alert fires.
        for_s: the same in seconds; replaces ``min_duration_rows``.
        resolve_ratio: a row below it is calm; between it and 1 an open alert stays open and none begins.
        merge_gap_rows: so many calm rows in a row resolve an alert; what comes sooner belongs to it.
        merge_gap_s: the same in seconds; replaces ``merge_gap_rows``.
        major_ratio: peak score from which an alert is major (a warning below).
        critical_ratio: peak score from which it is critical.
        top_channels: how many channels an alert names at most.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_duration_rows: int = Field(default=1, ge=1, description="Rows over the limit before an alert fires")
    for_s: float | None = Field(default=None, ge=0, description="The same in seconds, instead of min_duration_rows")
    resolve_ratio: float = Field(default=0.8, gt=0, le=1, description="A row below this share of the limit is calm")
    merge_gap_rows: int = Field(default=16, ge=1, description="Calm rows that resolve an alert")
    merge_gap_s: float | None = Field(default=None, ge=0, description="The same in seconds, instead of merge_gap_rows")
    major_ratio: float = Field(default=2.0, ge=1, description="Peak score from which an alert is major")
    critical_ratio: float = Field(default=4.0, ge=1, description="Peak score from which an alert is critical")
    top_channels: int = Field(default=3, ge=0, description="Channels that an alert names at most")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.critical_ratio < self.major_ratio:
            raise ValueError(f"critical_ratio {self.critical_ratio:g} lies below major_ratio {self.major_ratio:g}")
        return self

    def severity(self, peak_score: float) -> Severity:
        """Severity of an alert with this highest score."""
        if peak_score >= self.critical_ratio:
            return "critical"
        return "major" if peak_score >= self.major_ratio else "warning"


class Measured(Protocol):
    """What alerts say about channels: a schema."""

    @property
    def interval_s(self) -> float:
        """Seconds between two rows."""
        ...

    @property
    def channels(self) -> Sequence[Any]:
        """Channels with ``name`` and ``unit``, in order."""
        ...


class Keys(Protocol):
    """Keys of series and their ids: a series index."""

    def __contains__(self, key: str) -> bool: ...

    def ids(self, keys: Sequence[str]) -> Ints:
        """Ids of keys."""
        ...

    def key(self, series: int) -> str:
        """Key of an id."""
        ...


class AlertPolicy:
    """Raises, merges and resolves the alerts of all series; deterministic, however the stream is cut into batches.

    State is kept for series with a pending or firing alert only, by their key.

    Args:
        config: when alerts begin and end.
        schema: channels in the order of the contributions, and the step between rows.
        detector: name of the detector.
        model_version: version of its bundle.
    """

    def __init__(self, config: AlertConfig, schema: Measured, detector: str, model_version: str) -> None:
        self._config = config
        self._channels = schema.channels
        self._detector, self._version = detector, model_version
        self._fire_rows = _rows(config.for_s, config.min_duration_rows, schema.interval_s)
        self._gap_rows = _rows(config.merge_gap_s, config.merge_gap_rows, schema.interval_s)
        self._open: dict[str, Excursion] = {}

    def push(self, decisions: DecisionBatch, keys: Keys, explain: Explain) -> list[Alert]:
        """Takes decisions and returns the alerts that changed by them, in order.

        An alert is returned when it fires, when its severity rises and when it is resolved. A row without a score
        neither fires nor resolves. Only rows of series that are or have been over the limit are looked at singly.

        Args:
            decisions: in order of event time within each series.
            keys: gives the keys of the ids.
            explain: gives the explanation of rows of the decisions; asked once, about the highest scores only.
        """
        score = decisions.anomaly_score
        known = keys.ids([key for key in self._open if key in keys])
        affected = np.union1d(decisions.series[decisions.is_anomaly], known)
        if not len(affected):
            return []
        rows = np.flatnonzero(np.isin(decisions.series, affected) & ~np.isnan(score))
        rows = rows[np.argsort(decisions.series[rows], kind="stable")]
        ids = decisions.series[rows]
        changed: list[_Change] = []
        peaks: dict[str, int] = {}
        for part in np.split(rows, np.flatnonzero(np.diff(ids)) + 1):
            if len(part):
                changed += self._follow(keys.key(int(decisions.series[part[0]])), part, decisions, peaks)
        asked = sorted({change.peak for change in changed if change.peak is not None} | set(peaks.values()))
        shares = dict(zip(asked, self._shares(asked, decisions, explain), strict=True))
        for key, peak in peaks.items():
            self._open[key].channels = shares[peak]
        return [
            alert if peak is None else alert.model_copy(update={"channels": shares[peak]})
            for _, alert, peak in sorted(changed, key=lambda change: change.row)
        ]

    def flush(self) -> list[Alert]:
        """Alerts that are still firing, with their newest peak, as at the end of the input; they stay open."""
        firing = sorted((e.start_ns, key) for key, e in self._open.items() if e.severity)
        return [self._alert(key, self._open[key], "firing") for _, key in firing]

    def close(self, keys: Iterable[str]) -> list[Alert]:
        """Ends the alerts of series that have fallen silent for good and returns those that were firing, resolved."""
        ended = [(key, self._open.pop(key)) for key in keys if key in self._open]
        return [self._alert(key, excursion, "resolved") for key, excursion in ended if excursion.severity]

    def state(self) -> dict[str, Any]:
        """Everything that a restart needs, fit for JSON."""
        return dumped(self._open)

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes on from a state.

        Raises:
            DataError: the state is of another version or damaged.
        """
        self._open = loaded(state)

    def _follow(self, key: str, rows: Ints, decisions: DecisionBatch, peaks: dict[str, int]) -> "list[_Change]":
        """Goes through the rows of one series; what stays open has its peak noted in ``peaks`` if it is new."""
        scores, times = decisions.anomaly_score[rows], decisions.time_ns[rows]
        loud = np.flatnonzero(scores >= self._config.resolve_ratio)
        changed: list[_Change] = []
        excursion = self._open.pop(key, None)
        last = -1 - excursion.calm_rows if excursion else 0
        peak: int | None = None  # row of a highest score that is not explained yet

        for at, score, time_ns in zip(loud.tolist(), scores[loud].tolist(), times[loud].tolist(), strict=True):
            if excursion and at - last > self._patience(excursion):
                changed += self._ended(key, excursion, rows[last + self._patience(excursion)], peak)
                excursion = None
            if not excursion:
                if score < 1.0:
                    continue
                excursion = Excursion(time_ns, time_ns, time_ns)
            last, excursion.last_ns = at, time_ns
            excursion.over_rows += score >= 1.0
            if score > excursion.peak_score:
                peak, excursion.peak_ns, excursion.peak_score = int(rows[at]), time_ns, score
            severity = self._config.severity(excursion.peak_score)
            if excursion.over_rows >= self._fire_rows and severity != excursion.severity:
                excursion.severity = severity
                changed.append(_Change(int(rows[at]), self._alert(key, excursion, "firing"), peak))
        if excursion:
            excursion.calm_rows = len(rows) - 1 - last
            if excursion.calm_rows >= self._patience(excursion):
                changed += self._ended(key, excursion, rows[last + self._patience(excursion)], peak)
            else:
                self._open[key] = excursion
                if peak is not None:
                    peaks[key] = peak
        return changed

    def _patience(self, excursion: Excursion) -> int:
        """Calm rows that end it: a pending alert ends with the first."""
        return self._gap_rows if excursion.severity else 1

    def _ended(self, key: str, excursion: Excursion, row: np.integer, peak: int | None) -> "list[_Change]":
        return [_Change(int(row), self._alert(key, excursion, "resolved"), peak)] if excursion.severity else []

    def _shares(
        self, rows: list[int], decisions: DecisionBatch, explain: Explain
    ) -> Iterator[tuple[ChannelShare, ...]]:
        """Says what the scores of rows consist of; all are explained at once."""
        if not rows:
            return
        why = explain(np.array(rows))
        for at, row in enumerate(rows):
            share = decisions.contribution[row]
            largest = np.argsort(-share, kind="stable")[: self._config.top_channels]
            yield tuple(
                ChannelShare(
                    name=self._channels[c].name,
                    unit=self._channels[c].unit,
                    share=round(float(share[c]), 4),
                    actual=_known(why.actual[at, c]),
                    expected=_known(why.expected[at, c]),
                    low=_known(why.low[at, c]),
                    high=_known(why.high[at, c]),
                )
                for c in largest[share[largest] > 0].tolist()
            )

    def _alert(self, key: str, excursion: Excursion, state: State) -> Alert:
        return Alert(
            id=alert_id(self._detector, key, excursion.start_ns),
            state=state,
            severity=excursion.severity or self._config.severity(excursion.peak_score),
            detector=self._detector,
            model_version=self._version,
            series=key,
            start_ns=excursion.start_ns,
            end_ns=excursion.last_ns if state == "resolved" else None,
            peak_ns=excursion.peak_ns,
            peak_score=excursion.peak_score,
            channels=excursion.channels,
        )


class _Change(NamedTuple):
    """An alert that changed, at which row, and the row that its channels are still to be taken from."""

    row: int
    alert: Alert
    peak: int | None


def _rows(seconds: float | None, rows: int, interval_s: float) -> int:
    return rows if seconds is None else max(1, ceil(seconds / interval_s))


def _known(value: np.floating) -> float | None:
    return float(value) if np.isfinite(value) else None
