"""What a bundle says of how its detector was made: enough to serve it, without the library that trains."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from detector.members.memory import MemoryMember
from detector.members.posterior import PosteriorRecipe
from detector.members.projection import ProjectionMember
from detector.members.reconstruction import ReconstructionRecipe
from detector.windows.scale import ScalerConfig

ClosedForm = MemoryMember | ProjectionMember
"""Kinds of members whose settings are the same for training and serving: one line adds one."""

MemberRecipe = Annotated[ReconstructionRecipe | PosteriorRecipe | ClosedForm, Field(discriminator="kind")]


class Recipe(BaseModel):
    """A ``DetectorConfig`` as it was fitted, written down."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    members: tuple[MemberRecipe, ...]
    scaler: ScalerConfig

    @classmethod
    def of(cls, config: BaseModel) -> Self:
        """Writes down the settings of a detector."""
        return cls.model_validate(config.model_dump(mode="json"))
