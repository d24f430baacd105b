"""What a retrain trains: the fused default, and every variant on every backbone that was asked for."""

from collections.abc import Sequence
from typing import Any, NamedTuple, get_args

from pydantic import TypeAdapter

from detector.errors import ConfigError
from detector.members.autoencoder import AutoencoderMember
from detector.members.presets import auto, single
from detector.members.table import DetectorConfig
from detector.models.backbones.table import BackboneConfig
from detector.models.variants.table import REGISTERED

AUTO, ALL = "auto", "all"


class Candidate(NamedTuple):
    """One detector to train.

    Attributes:
        name: ``auto`` or variant and backbone.
        config: its members.
        tags: kept with its run and version.
    """

    name: str
    config: DetectorConfig
    tags: dict[str, str]


def kinds(union: Any) -> list[str]:
    """Names the members of a union told apart by ``kind``, in its order."""
    return [str(model.model_fields["kind"].default) for model in get_args(get_args(union)[0])]


def candidates(
    variants: Sequence[str], backbones: Sequence[str], channels: int, steps: int | None = None
) -> list[Candidate]:
    """Lists the default first, then every variant on every backbone.

    Args:
        variants: names, or ``all``; none leaves the default alone.
        backbones: names, or ``all``.
        channels: F.
        steps: of the training of every autoencoder, None for what each takes by itself.

    Raises:
        ConfigError: there is no such variant or backbone.
    """
    found = [Candidate(AUTO, auto(channels), {"variant": AUTO, "backbone": "conv1d"})]
    for variant in _chosen(variants, list(REGISTERED), "variant"):
        for backbone in _chosen(backbones, kinds(BackboneConfig), "backbone"):
            config = single(REGISTERED[variant], TypeAdapter(BackboneConfig).validate_python({"kind": backbone}))
            found.append(Candidate(f"{variant}-{backbone}", config, {"variant": variant, "backbone": backbone}))
    if steps is None:
        return found
    return [candidate._replace(config=_shortened(candidate.config, steps)) for candidate in found]


def _chosen(names: Sequence[str], legal: list[str], what: str) -> list[str]:
    if ALL in names:
        return legal
    for name in names:
        if name not in legal:
            raise ConfigError(f"there is no {what} {name!r}; legal are {ALL}, {', '.join(legal)}.")
    return list(dict.fromkeys(names))


def _shortened(config: DetectorConfig, steps: int) -> DetectorConfig:
    members = []
    for member in config.members:
        if isinstance(member, AutoencoderMember):
            member = member.model_copy(update={"trainer": member.trainer.model_copy(update={"steps": steps})})
        members.append(member)
    return config.model_copy(update={"members": tuple(members)})
