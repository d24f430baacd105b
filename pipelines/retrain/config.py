"""What ``reconwatch retrain`` learns from, and by how much a challenger must win."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from detector.evaluation.drift import DriftConfig


class RetrainConfig(BaseModel):
    """Retraining."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: tuple[str, ...] = Field(default=(), description="History: CSV files or patterns, one series per file")
    incidents: Path | None = Field(
        default=None,
        description="YAML or CSV of intervals to learn nothing from: start, end and, where it is one only, series",
    )
    variants: tuple[str, ...] = Field(
        default=(), description="Autoencoders to train beside the fused default; all: every one there is"
    )
    backbones: tuple[str, ...] = Field(default=("conv1d",), description="Their layers; all: every kind there is")
    steps: int | None = Field(default=None, ge=1, description="Training steps of every autoencoder; null: as it comes")
    search: int = Field(
        default=0, ge=0, le=1000, description="Trials in search of hyperparameters of every autoencoder; 0: defaults"
    )
    test_ratio: float = Field(
        default=0.2, gt=0, lt=0.9, description="The newest share of the history, on which candidates are compared"
    )
    alpha: float = Field(default=0.05, gt=0, lt=0.5, description="Probability of promoting one that is not better")
    trust_injected: bool = Field(
        default=False,
        description="Without labels, let injected anomalies unseat the fused default; on public series that loses",
    )
    drift: DriftConfig = Field(default=DriftConfig(), description="When retrain --if-drifted finds that it is due")
    keep: int = Field(default=10, ge=1, description="Versions without an alias that models prune leaves")
    folder: Path = Field(default=Path("reconwatch-data/retrain"), description="Where a retrain keeps what it finished")
    seed: int = Field(default=0, ge=0, description="Of everything random")
