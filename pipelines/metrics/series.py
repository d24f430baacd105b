"""What single series and alerts put on the metrics page, bounded however many there are.

A gauge per series would cost a Prometheus a time series for every sensor there ever was. So the loop only remembers the
newest score of each series, and a scrape takes the highest of them, and those that are asked for by name.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import filter as matching

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from detector.alerting.alert import Alert
from detector.types import Floats, Ints
from detector.windows.entities import turns

Row = tuple[tuple[str, ...], float]


class MetricsConfig(BaseModel):
    """Which single series stand on the metrics page."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    top_series: int = Field(default=50, ge=0, le=1000, description="So many series with the highest scores")
    always: tuple[str, ...] = Field(
        default=(), description="Series shown whatever they score; patterns as for file names, such as pump-*"
    )
    most_series: int = Field(default=200, ge=1, le=5000, description="Series on the page at most, and open alerts too")


class SeriesPage:
    """Written by the loop once per micro-batch, read by scrapes from another thread.

    Args:
        detector: its name, a label.
        config: what is shown.
        left_off: told how many series and alerts a scrape had no room for.
    """

    def __init__(self, detector: str, config: MetricsConfig, left_off: Callable[[int], None]) -> None:
        self._detector, self._config, self._left_off = detector, config, left_off
        self._latest: dict[int | None, dict[str, float]] = {}
        self._open: dict[str, Alert] = {}
        self._named = [name for name in config.always if not set(name) & set("*?[")]
        self._patterns = [name for name in config.always if set(name) & set("*?[")]

    @property
    def open(self) -> Mapping[str, Alert]:
        """Alerts that are firing, by series."""
        return self._open

    def scored(self, partition: int | None, keys: Sequence[str | None], series: Ints, scores: Floats) -> None:
        """Takes names of series by id, ids [B] and scores [B] of a micro-batch; the last of a series counts."""
        if len(series) and (self._config.top_series or self._config.always):
            last = np.append(turns(series)[1:], len(series)) - 1
            newest = np.full(series.max() + 1, -1)
            newest[series[last]] = last  # of repeated places the last one stays
            rows = newest[newest >= 0]
            names = [str(keys[one]) for one in series[rows].tolist()]
            self._latest.setdefault(partition, {}).update(zip(names, scores[rows].tolist(), strict=True))

    def silent(self, partition: int | None, keys: Sequence[str]) -> None:
        """Forgets series that fell silent for good."""
        for key in keys:
            self._latest.get(partition, {}).pop(key, None)

    def ended(self, partition: int) -> None:
        """Forgets the series of a partition that another process reads now."""
        gone = self._latest.pop(partition, {})
        self._open = {series: alert for series, alert in self._open.items() if series not in gone}

    def changed(self, alerts: Iterable[Alert]) -> int:
        """Takes alerts as they changed and returns how many of them are new."""
        begun = 0
        for alert in alerts:
            known = self._open.get(alert.series)
            if alert.state == "resolved":
                self._open.pop(alert.series, None)
            else:
                begun += known is None or known.id != alert.id
                self._open[alert.series] = alert
        return begun

    def scores(self) -> list[Row]:
        """Newest scores of the series shown: (detector, series)."""
        latest: dict[str, float] = {}
        for part in [*self._latest.values()]:
            latest.update(part)
        names, values = [*latest], np.fromiter(latest.values(), np.float64, len(latest))
        values[np.isnan(values)] = -1.0
        top = min(self._config.top_series, self._config.most_series, len(names))
        highest = np.argpartition(-values, top - 1)[:top] if top else np.empty(0, np.int64)
        shown = dict.fromkeys(names[i] for i in highest[np.argsort(-values[highest], kind="stable")].tolist())
        asked = [name for name in self._named if name in latest]
        asked += [name for pattern in self._patterns for name in matching(names, pattern)]
        extra = [*dict.fromkeys(name for name in asked if name not in shown)]
        room = self._config.most_series - len(shown)
        self._left_off(max(0, len(extra) - room))
        found = ((name, latest[name]) for name in [*shown, *extra[:room]])
        return [((self._detector, name), score) for name, score in found if score == score]

    def peaks(self) -> list[Row]:
        """Highest scores of open alerts: (detector, series, severity)."""
        shown = self._shown()
        self._left_off(len(self._open) - len(shown) if len(self._open) > len(shown) else 0)
        return [((self._detector, alert.series, alert.severity), alert.peak_score) for alert in shown]

    def shares(self) -> list[Row]:
        """Shares of the channels in open alerts: (detector, series, channel)."""
        return [
            ((self._detector, alert.series, channel.name), channel.share)
            for alert in self._shown()
            for channel in alert.channels
        ]

    def values(self) -> list[Row]:
        """What was measured and expected at the peak of open alerts: (detector, series, channel, of)."""
        return [
            ((self._detector, alert.series, channel.name, name), value)
            for alert in self._shown()
            for channel in alert.channels
            for name, value in (
                ("measured", channel.actual),
                ("expected", channel.expected),
                ("low", channel.low),
                ("high", channel.high),
            )
            if value is not None
        ]

    def _shown(self) -> list[Alert]:
        alerts = sorted([*self._open.values()], key=lambda alert: (-alert.peak_score, alert.series))
        return alerts[: self._config.most_series]
