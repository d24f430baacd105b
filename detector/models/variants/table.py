"""The variants: one line adds one."""

from typing import Annotated

from pydantic import Field

from detector.models.variants.deep import DeepConfig
from detector.models.variants.denoising import DenoisingConfig
from detector.models.variants.pca import PcaConfig

VariantConfig = Annotated[
    PcaConfig | DeepConfig | DenoisingConfig,
    Field(discriminator="kind"),
]
