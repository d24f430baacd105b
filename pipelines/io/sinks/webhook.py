"""A webhook: alerts as JSON to any HTTP receiver, in our own form or in one that a template gives."""

from collections.abc import Mapping, Sequence
from string import Template
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from detector.alerting.alert import Alert
from pipelines.io.base import Context
from pipelines.io.sinks.courier import Courier, DeliveryConfig
from pipelines.io.sinks.post import checked

FIELDS = frozenset({*Alert.model_fields, *Alert.model_computed_fields, "link"})


class WebhookConfig(DeliveryConfig):
    """Alerts as JSON over HTTP."""

    kind: Literal["webhook"] = "webhook"
    url: str | None = Field(default=None, description="Where to post")
    secret_url: SecretStr | None = Field(
        default=None, description="The same where the address itself is a secret; environment only"
    )
    headers: dict[str, str] = Field(default_factory=dict, description="Further headers; a token has a key of its own")
    template: dict[str, Any] | None = Field(
        default=None,
        description="Body of one request per alert, with every $field (series, severity, message, link, ...) put "
        "in; null: many alerts in a request, as {detector, alerts: [...]}",
    )

    _url = field_validator("url", "secret_url")(checked)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.url is None) == (self.secret_url is None):
            raise ValueError("give either url or secret_url")
        unknown = sorted(set(_fields(self.template)) - FIELDS)
        if unknown:
            raise ValueError(f"template: alerts have no field ${unknown[0]}; they have {', '.join(sorted(FIELDS))}")
        return self

    def open(self, context: Context) -> Courier:
        """Begins to deliver.

        Raises:
            SinkUnavailable: the spool cannot be used.
        """
        url = self.secret_url.get_secret_value() if self.secret_url else str(self.url)
        return Courier(
            self.kind, self.address(url, self.headers), WebhookLetters(self, context.detector), self, context
        )


class WebhookLetters:
    """Writes alerts as they are, or one of them into the template.

    Args:
        config: template and links.
        detector: name of the detector.
    """

    repeat_s = None

    def __init__(self, config: WebhookConfig, detector: str) -> None:
        self._config, self._detector = config, detector
        self.most = 1 if config.template else 100

    def message(self, alerts: Sequence[Alert], standing: Mapping[str, Alert], now_s: float) -> Any:
        """Returns one message about all alerts, which are one where there is a template."""
        told = [alert.record() | {"link": self._config.linked(alert)} for alert in alerts]
        if self._config.template:
            return filled(self._config.template, told[0])
        return {"version": 1, "detector": self._detector, "alerts": told}


def filled(template: Any, alert: Mapping[str, Any]) -> Any:
    """Returns a template with the fields of an alert; a text that is one field alone keeps its type."""
    if isinstance(template, Mapping):
        return {key: filled(inner, alert) for key, inner in template.items()}
    if isinstance(template, list):
        return [filled(inner, alert) for inner in template]
    if not isinstance(template, str):
        return template
    if template[:1] == "$" and template[1:] in alert:
        return alert[template[1:]]
    return Template(template).safe_substitute({name: "" if value is None else value for name, value in alert.items()})


def _fields(template: Any) -> list[str]:
    if isinstance(template, Mapping):
        return [name for inner in template.values() for name in _fields(inner)]
    if isinstance(template, list):
        return [name for inner in template for name in _fields(inner)]
    return Template(template).get_identifiers() if isinstance(template, str) else []
