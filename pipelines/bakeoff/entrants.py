"""Who takes part: every variant on every backbone asked for, and what must always stand beside them."""

from typing import Literal, NamedTuple, cast

from pydantic import TypeAdapter

from detector.models.backbones.base import Backbone
from detector.models.backbones.table import BackboneConfig
from detector.models.base import Variant
from detector.models.variants.deep import DeepConfig
from detector.models.variants.pca import PcaConfig
from detector.models.variants.table import REGISTERED
from pipelines.bakeoff.config import BakeoffConfig

Role = Literal["model", "untrained", "raw"]

RAW, UNTRAINED, PCA = "raw window", "untrained", "pca"


class Entrant(NamedTuple):
    """One that takes part.

    Attributes:
        variant: name of the variant, or what stands beside the variants.
        backbone: its layers; empty where there are none.
        role: a trained model, an untrained network, or the window itself, whose score is its norm.
    """

    variant: str
    backbone: str
    role: Role = "model"

    @property
    def name(self) -> str:
        """What it is called."""
        return f"{self.variant}-{self.backbone}" if self.backbone else self.variant


def models(config: BakeoffConfig) -> list[Entrant]:
    """Lists every variant on every backbone asked for."""
    return [Entrant(variant, backbone) for backbone in config.backbones for variant in config.variants]


def entrants(config: BakeoffConfig) -> list[Entrant]:
    """Lists the models, then an untrained network of each backbone, PCA if it is not among them, and raw windows."""
    beside = [Entrant(UNTRAINED, backbone, "untrained") for backbone in config.backbones]
    if PCA not in config.variants:
        beside.append(Entrant(PCA, config.backbones[0]))
    return [*models(config), *beside, Entrant(RAW, "", "raw")]


def built(entrant: Entrant, config: BakeoffConfig) -> tuple[Variant, Backbone]:
    """Returns the hyperparameters of an entrant that is a network."""
    backbone = TypeAdapter(BackboneConfig).validate_python({"kind": entrant.backbone})
    variant = DeepConfig() if entrant.role == "untrained" else REGISTERED[entrant.variant]
    changed: dict[str, object] = {} if config.code_size is None else {"code_size": config.code_size}
    if not isinstance(variant, PcaConfig):
        changed["loss"] = config.loss
    return cast(Variant, variant.model_copy(update=changed)), backbone
