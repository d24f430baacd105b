"""The table of sources: one line per kind."""

from typing import Annotated

from pydantic import Field

from pipelines.io.kafka.config import KafkaConfig
from pipelines.io.sources.file import FileConfig
from pipelines.io.sources.memory import MemoryConfig
from pipelines.io.sources.stdin import StdinConfig

SourceConfig = Annotated[FileConfig | KafkaConfig | StdinConfig | MemoryConfig, Field(discriminator="kind")]
