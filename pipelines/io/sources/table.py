"""The table of sources: one line per kind."""

from typing import Annotated

from pydantic import Field

from pipelines.io.sources.file import FileConfig
from pipelines.io.sources.memory import MemoryConfig
from pipelines.io.sources.stdin import StdinConfig

SourceConfig = Annotated[FileConfig | StdinConfig | MemoryConfig, Field(discriminator="kind")]
