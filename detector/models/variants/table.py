"""The variants: one line adds one."""

from typing import Annotated, get_args

from pydantic import Field

from detector.models.variants.adversarial import AdversarialConfig
from detector.models.variants.beta_vae import BetaVaeConfig
from detector.models.variants.conditional_vae import ConditionalVaeConfig
from detector.models.variants.contractive import ContractiveConfig
from detector.models.variants.deep import DeepConfig
from detector.models.variants.denoising import DenoisingConfig
from detector.models.variants.pca import PcaConfig
from detector.models.variants.rae import RaeConfig
from detector.models.variants.shallow import ShallowConfig
from detector.models.variants.sparse_kl import SparseKlConfig
from detector.models.variants.sparse_l1 import SparseL1Config
from detector.models.variants.stacked import StackedConfig
from detector.models.variants.vae import VaeConfig
from detector.models.variants.vq_vae import VqVaeConfig
from detector.models.variants.wae_mmd import WaeMmdConfig

VariantConfig = Annotated[
    PcaConfig
    | ShallowConfig
    | DeepConfig
    | StackedConfig
    | SparseKlConfig
    | SparseL1Config
    | ContractiveConfig
    | DenoisingConfig
    | VaeConfig
    | BetaVaeConfig
    | ConditionalVaeConfig
    | VqVaeConfig
    | AdversarialConfig
    | RaeConfig
    | WaeMmdConfig,
    Field(discriminator="kind"),
]

REGISTERED: dict[str, VariantConfig] = {
    **{kind.model_fields["kind"].default: kind() for kind in get_args(get_args(VariantConfig)[0])},
    "beta_vae_loose": BetaVaeConfig(beta=0.5),
}
"""Every variant that a user can name, with its defaults; beta_vae itself is the strict one."""
