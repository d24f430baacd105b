"""The table of sinks: one line per kind."""

from typing import Annotated

from pydantic import Field

from pipelines.io.kafka.config import KafkaSinkConfig
from pipelines.io.sinks.alertmanager import AlertmanagerConfig
from pipelines.io.sinks.console import ConsoleConfig
from pipelines.io.sinks.jsonl import JsonlConfig
from pipelines.io.sinks.memory import MemorySinkConfig
from pipelines.io.sinks.slack import SlackConfig
from pipelines.io.sinks.webhook import WebhookConfig

SinkConfig = Annotated[
    JsonlConfig | ConsoleConfig | KafkaSinkConfig | AlertmanagerConfig | WebhookConfig | SlackConfig | MemorySinkConfig,
    Field(discriminator="kind"),
]
