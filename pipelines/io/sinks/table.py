"""The table of sinks: one line per kind."""

from typing import Annotated

from pydantic import Field

from pipelines.io.kafka.config import KafkaSinkConfig
from pipelines.io.sinks.console import ConsoleConfig
from pipelines.io.sinks.jsonl import JsonlConfig
from pipelines.io.sinks.memory import MemorySinkConfig

SinkConfig = Annotated[JsonlConfig | ConsoleConfig | KafkaSinkConfig | MemorySinkConfig, Field(discriminator="kind")]
