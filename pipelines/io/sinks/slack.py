"""Slack and what understands its incoming webhooks (Mattermost, Rocket.Chat, Discord's /slack)."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import Field, SecretStr, field_validator

from detector.alerting.alert import Alert
from pipelines.io.base import Context
from pipelines.io.sinks.courier import Courier, DeliveryConfig
from pipelines.io.sinks.post import checked

_COLORS = {"warning": "#e0b400", "major": "#ff8c00", "critical": "#d00000"}
_CALM = "#2eb67d"


class SlackConfig(DeliveryConfig):
    """Alerts to a channel of Slack."""

    kind: Literal["slack"] = "slack"
    url: SecretStr = Field(description="Address of the incoming webhook, a secret; environment only")
    channel: str | None = Field(default=None, description="Where to, if the webhook lets one choose")

    _url = field_validator("url")(checked)

    def open(self, context: Context) -> Courier:
        """Begins to deliver.

        Raises:
            SinkUnavailable: the spool cannot be used.
        """
        return Courier(self.kind, self.address(self.url.get_secret_value()), SlackLetters(self), self, context)


class SlackLetters:
    """Writes one message about up to twenty alerts, an attachment each.

    Args:
        config: channel and links.
    """

    repeat_s = None
    most = 20

    def __init__(self, config: SlackConfig) -> None:
        self._config = config

    def message(self, alerts: Sequence[Alert], standing: Mapping[str, Alert], now_s: float) -> Any:
        """Returns a message with attachments, coloured by severity."""
        told: dict[str, Any] = {
            "text": "; ".join(_escaped(_title(alert)) for alert in alerts),
            "attachments": [self._attachment(alert) for alert in alerts],
        }
        return told | ({"channel": self._config.channel} if self._config.channel else {})

    def _attachment(self, alert: Alert) -> dict[str, Any]:
        told = {
            "color": _COLORS[alert.severity] if alert.state == "firing" else _CALM,
            "title": _escaped(_title(alert)),
            "title_link": self._config.linked(alert),
            "text": _escaped(alert.sentence()),
            "fallback": _escaped(alert.sentence()),
            "fields": [
                {"title": _escaped(channel.name), "value": f"{channel.share:.0%} of the score", "short": True}
                for channel in alert.channels
            ],
            "footer": f"{_escaped(alert.detector)} {alert.model_version} · {alert.id}",
            "ts": alert.start_ns // 1_000_000_000,
        }
        return {name: value for name, value in told.items() if value is not None}


def _title(alert: Alert) -> str:
    state = alert.severity if alert.state == "firing" else "resolved"
    return f"[{state}] {alert.series or alert.detector}: {alert.peak_score:.1f} times the limit"


def _escaped(text: str) -> str:
    """Text that Slack shows as it is: a series called <!channel> wakes nobody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
