"""What a bake-off compares, and how long it takes."""

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from detector.models.losses import LossName
from detector.models.variants.table import REGISTERED
from detector.training.trainer import TrainerConfig


class BakeoffConfig(BaseModel):
    """A bake-off."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: Literal["digits"] | None = Field(default=None, description="The digits that come with scikit-learn")
    data: tuple[Path, ...] = Field(default=(), description="Or labelled CSV files, each a series")
    variants: tuple[str, ...] = Field(default=tuple(REGISTERED), min_length=1, description="Autoencoders")
    backbones: tuple[Literal["dense", "conv1d", "lstm"], ...] = Field(
        default=("dense", "conv1d", "lstm"), min_length=1, description="Their layers"
    )
    seeds: int = Field(default=5, ge=1, le=1000, description="Trainings of every model, each with a seed of its own")
    steps: int = Field(default=300, ge=1, description="Training steps of one batch each")
    loss: LossName = Field(default="mse", description="Of every variant that leaves the choice")
    code_size: int | None = Field(default=None, ge=1, description="Of every variant; null takes their own")
    window: int = Field(default=32, ge=2, le=4096, description="Rows of a window of a series")
    train_ratio: float = Field(
        default=0.3, gt=0, lt=1, description="Share of a file to learn from where no manifest beside it says more"
    )
    learn_rows: int = Field(default=4000, ge=50, description="Newest rows of that part to learn from")
    rows: int = Field(default=4000, ge=1, description="Rows after it to judge by")
    seed: int = Field(default=0, ge=0, description="The first seed")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.dataset is None) == (not self.data):
            raise ValueError("give either dataset or data")
        return self

    @property
    def trainer(self) -> TrainerConfig:
        """Every model is trained for as many steps, and its last weights are taken."""
        return TrainerConfig(steps=self.steps, patience=None, device="cpu")


QUICK = {"backbones": ("dense",), "steps": 150, "learn_rows": 1500, "rows": 1500}
"""A first look: what ``--quick`` changes."""
