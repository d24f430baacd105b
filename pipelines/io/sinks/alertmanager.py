"""Alertmanager: alerts by its own API, with labels that stay the same however often an alert is told.

The labels ``alertname``, ``detector``, ``series`` and ``severity`` are all that its fingerprint is made of. An alert
that grows worse is another one for Alertmanager, so the milder one is resolved in the same message.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import Field, field_validator

from detector.alerting.alert import Alert
from pipelines.io.base import Context
from pipelines.io.sinks.courier import Courier, DeliveryConfig
from pipelines.io.sinks.post import checked

NAME = "ReconwatchAnomaly"
FORGET = 4
"""Alertmanager takes an alert for over that was not repeated for so many periods."""


class AlertmanagerConfig(DeliveryConfig):
    """Alerts to Prometheus' Alertmanager, version 2 of its API."""

    kind: Literal["alertmanager"] = "alertmanager"
    url: str = Field(default="http://127.0.0.1:9093", description="Address of Alertmanager")
    repeat_s: float = Field(default=60.0, gt=0, description="How often it is told what is still firing")
    labels: dict[str, str] = Field(default_factory=dict, description="Further labels of every alert, such as the site")

    _url = field_validator("url")(checked)

    def open(self, context: Context) -> Courier:
        """Begins to deliver.

        Raises:
            SinkUnavailable: the spool cannot be used.
        """
        address = self.address(f"{self.url.rstrip('/')}/api/v2/alerts")
        return Courier(self.kind, address, AlertmanagerLetters(self), self, context)


class AlertmanagerLetters:
    """Writes lists of ``postableAlert``.

    Args:
        config: labels and links.
    """

    most = 200

    def __init__(self, config: AlertmanagerConfig) -> None:
        self._config = config

    @property
    def repeat_s(self) -> float:
        """How often Alertmanager is told what is firing."""
        return self._config.repeat_s

    def message(self, alerts: Sequence[Alert], standing: Mapping[str, Alert], now_s: float) -> Any:
        """Returns the newest state of every set of labels; a severity that was left behind is resolved."""
        found: dict[tuple[str, str], Any] = {}
        before = {alert.series: standing[alert.series] for alert in alerts if alert.series in standing}
        for alert in alerts:
            old = before.pop(alert.series, None)
            if old and old.severity != alert.severity:
                found[old.series, old.severity] = self._posted(old, now_s, firing=False)
            firing = alert.state == "firing"
            found[alert.series, alert.severity] = self._posted(alert, now_s, firing=firing)
            if firing:
                before[alert.series] = alert
        return [*found.values()]

    def _posted(self, alert: Alert, now_s: float, *, firing: bool) -> dict[str, Any]:
        end_s = now_s + FORGET * self._config.repeat_s if firing else now_s
        labels = {"alertname": NAME, "detector": alert.detector, "series": alert.series, "severity": alert.severity}
        told = alert.record()
        annotations = {
            "summary": told["message"],
            "channels": ", ".join(f"{channel.name} {channel.share:.0%}" for channel in alert.channels),
            "peak": f"{alert.peak_score:.2f} times the limit",
            "start": told["start"],
            "end": told["end"],
            "alert_id": alert.id,
            "model_version": alert.model_version,
        }
        posted: dict[str, Any] = {
            "labels": {**self._config.labels, **{name: value for name, value in labels.items() if value}},
            "annotations": {name: value for name, value in annotations.items() if value},
            "startsAt": _time(min(alert.start_ns / 1e9, now_s)),
            "endsAt": _time(end_s),
        }
        if link := self._config.linked(alert):
            posted["generatorURL"] = link
        return posted


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
