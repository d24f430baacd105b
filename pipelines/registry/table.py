"""The table of registries: one line per kind."""

from typing import Annotated

from pydantic import Field

from pipelines.registry.local import LocalConfig
from pipelines.registry.mlflow.config import MlflowConfig

RegistryConfig = Annotated[LocalConfig | MlflowConfig, Field(discriminator="kind")]
