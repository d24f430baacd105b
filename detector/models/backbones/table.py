"""The backbones: one line adds one."""

from typing import Annotated

from pydantic import Field

from detector.models.backbones.conv1d import Conv1dBackbone
from detector.models.backbones.dense import DenseBackbone
from detector.models.backbones.lstm import LstmBackbone

BackboneConfig = Annotated[
    DenseBackbone | Conv1dBackbone | LstmBackbone,
    Field(discriminator="kind"),
]
