"""The kinds of members and what a detector is made of: one line adds a kind."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from detector.members.autoencoder import AutoencoderMember
from detector.members.encoder import EncoderMember
from detector.members.recipe import ClosedForm
from detector.windows.scale import ScalerConfig

MemberConfig = Annotated[AutoencoderMember | EncoderMember | ClosedForm, Field(discriminator="kind")]


class DetectorConfig(BaseModel):
    """Members plus fusion."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    members: tuple[MemberConfig, ...] = Field(min_length=1, description="Ways of looking at a window, fused by mean")
    scaler: ScalerConfig = Field(default_factory=ScalerConfig)

    @model_validator(mode="after")
    def _unique(self) -> "DetectorConfig":
        names = [member.name for member in self.members]
        if len(set(names)) != len(names):
            raise ValueError(f"member names must be unique, found {', '.join(names)}")
        return self
