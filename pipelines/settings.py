"""The configuration of the daemon: the only schema of the YAML.

Every section is described beside the thing that it configures; here they come together. ``reconwatch config schema``
prints the JSON Schema.
"""

import re
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from detector.alerting.policy import AlertConfig
from detector.calibration.table import DEFAULT, CalibrationConfig
from detector.windows.align import AlignConfig
from detector.windows.schema import Schema
from pipelines.io.decoders.table import DecoderConfig
from pipelines.io.decoders.wide import WideConfig
from pipelines.io.sinks.console import ConsoleConfig
from pipelines.io.sinks.table import SinkConfig
from pipelines.io.sources.table import SourceConfig
from pipelines.logs import LoggingConfig
from pipelines.metrics.series import MetricsConfig
from pipelines.registry.base import Catalogue
from pipelines.registry.table import RegistryConfig
from pipelines.retrain.config import RetrainConfig
from pipelines.stream.flood import DeadLetterConfig
from pipelines.stream.health import HealthConfig
from pipelines.stream.server import ServerConfig
from pipelines.stream.snapshots import SnapshotConfig

Gap = Literal["hold", "linear", "mask", "break"]


class DetectorSettings(BaseModel):
    """Which detector serves: one bundle for ever, or whatever is the champion of a registry."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bundle: Path | None = Field(default=None, description="Folder of the bundle, as written by reconwatch train")
    registry: RegistryConfig | None = Field(
        default=None, description="Where reconwatch retrain registers detectors, instead of a bundle"
    )
    name: str = Field(
        default="detector",
        min_length=1,
        description="Name of the detector in alerts, metrics and the registry",
    )
    reload_s: float = Field(default=5.0, gt=0, le=10, description="Seconds between two looks at the registry")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.bundle is None) == (self.registry is None):
            raise ValueError("give either bundle or registry")
        if self.registry and not re.fullmatch(r"\w[\w.-]*", self.name):
            raise ValueError(f"name {self.name!r} cannot stand in a registry; use letters, digits, '.', '_' and '-'")
        return self

    def catalogue(self) -> Catalogue | None:
        """Returns what a daemon asks for the champion, None where it serves one bundle for ever."""
        return self.registry.catalogue(self.name) if self.registry else None


class GridSettings(BaseModel):
    """How rows are laid out in event time, where it differs from the data that the detector was trained on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    alignment: Literal["rows", "grid"] | None = Field(
        default=None, description="rows: every distinct time is a row; grid: one row per interval; null: as trained"
    )
    interval_s: float | None = Field(default=None, gt=0, description="Seconds between rows; null: as trained")
    gap: dict[str, Gap] = Field(
        default_factory=dict, description="What stands in for missing values of a channel, where not as trained"
    )

    def applied(self, schema: Schema) -> Schema:
        """Returns ``schema`` as the stream is to be aligned."""
        channels = tuple(c.model_copy(update={"gap": self.gap.get(c.name, c.gap)}) for c in schema.channels)
        update = {"alignment": self.alignment, "interval_s": self.interval_s}
        return schema.model_copy(
            update={"channels": channels} | {name: value for name, value in update.items() if value is not None}
        )


class ScoringSettings(BaseModel):
    """How rows are scored and judged."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    delay: int = Field(default=16, ge=0, le=4096, description="Rows that a score may wait for; 0 is strictly causal")
    calibration: CalibrationConfig = Field(default=DEFAULT, description="How the limit is set")


class Settings(BaseModel):
    """Everything that the daemon needs to know."""

    model_config = ConfigDict(frozen=True, extra="forbid", title="reconwatch configuration")

    detector: DetectorSettings
    source: SourceConfig
    decoder: DecoderConfig = WideConfig()
    grid: GridSettings = GridSettings()
    align: AlignConfig = AlignConfig()
    scoring: ScoringSettings = ScoringSettings()
    alerts: AlertConfig = AlertConfig()
    sinks: tuple[SinkConfig, ...] = (ConsoleConfig(),)
    dead_letters: DeadLetterConfig = DeadLetterConfig()
    snapshots: SnapshotConfig | None = Field(
        default=None, description="Local copies of the windows, so that a restart reads less of Kafka's log again"
    )
    health: HealthConfig = HealthConfig()
    server: ServerConfig = ServerConfig()
    logging: LoggingConfig = LoggingConfig()
    metrics: MetricsConfig = MetricsConfig()
    retrain: RetrainConfig = RetrainConfig()

    @model_validator(mode="after")
    def _fits_the_source(self) -> Self:
        if self.snapshots and self.source.kind != "kafka":
            raise ValueError(f"snapshots are of partitions of Kafka, a {self.source.kind} source has none; remove them")
        if self.decoder.kind == "binary" and self.source.kind != "kafka":
            raise ValueError(f"binary envelopes are records of Kafka; a {self.source.kind} source brings lines of text")
        return self
