"""What a hyperparameter search may change: the classic four of every autoencoder, and the variant's own.

The ranges follow from the settings themselves: a number from a fraction of its default to a multiple of it, within its
bounds, on a logarithmic scale; a choice among all of its values. So a new variant is searched without a word here.
"""

import math
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from pydantic.fields import FieldInfo

from detector.members.autoencoder import AutoencoderMember
from detector.models.backbones.base import Shape
from detector.models.base import Variant

FACTOR_REAL, FACTOR_WHOLE = 10, 4
"""Numbers go from their default over so much to so many times their default."""

MOST_DEPTH = 3
CODE_SIZES = (None, 4, 8, 16, 32, 64)
"""Of a variant whose code has the size that suits its backbone or the variance, unless someone says otherwise."""
LOSSES = ("mse", "gaussian_nll")
"""Not bce: scaled rows leave [0, 1]."""

Space = dict[str, BaseDistribution]


def space(member: AutoencoderMember) -> Space:
    """Returns what may change, by ``variant.NAME`` or ``backbone.NAME``."""
    variant, backbone = member.variant, member.backbone
    size = variant.code_size
    found: Space = {"variant.code_size": _whole(size, 1) if size else CategoricalDistribution(CODE_SIZES)}
    if get_args(type(variant).model_fields["loss"].annotation) != ("mse",):
        found["variant.loss"] = CategoricalDistribution(LOSSES)
    if variant.build(Shape(member.window, 1), backbone).groups():  # in closed form layers do not matter
        found["backbone.depth"] = IntDistribution(max(1, backbone.least_depth), MOST_DEPTH)
        found["backbone.width"] = _whole(backbone.width, 1)
    return found | {f"variant.{name}": one for name, one in _own(variant)}


def applied(member: AutoencoderMember, values: dict[str, Any]) -> AutoencoderMember:
    """Returns a member with other hyperparameters.

    Args:
        member: otherwise the same.
        values: by name, as in ``space``.
    """
    changed = {}
    for part, settings in (("variant", member.variant), ("backbone", member.backbone)):
        mine = {name.removeprefix(f"{part}."): value for name, value in values.items() if name.startswith(f"{part}.")}
        changed[part] = type(settings).model_validate(settings.model_dump() | mine)
    return member.model_copy(update=changed)


def present(member: AutoencoderMember, chosen: Space) -> dict[str, Any]:
    """Returns what the member has now, by the names of ``chosen``."""
    parts = {"variant": member.variant, "backbone": member.backbone}
    return {name: getattr(parts[part], key) for name in chosen for part, key in [name.split(".")]}


def _own(variant: Variant) -> Iterator[tuple[str, BaseDistribution]]:
    for name, field in type(variant).model_fields.items():
        if name == "kind" or name in Variant.model_fields:
            continue
        value = getattr(variant, name)
        if get_origin(field.annotation) is Literal:
            yield name, CategoricalDistribution(get_args(field.annotation))
        elif isinstance(value, bool):
            yield name, CategoricalDistribution((False, True))
        elif isinstance(value, int):
            yield name, _whole(value, int(_bound(field, "ge", 1)))
        elif isinstance(value, float):
            yield name, _real(value, field)


def _whole(value: int, least: int) -> IntDistribution:
    return IntDistribution(max(least, value // FACTOR_WHOLE), value * FACTOR_WHOLE, log=True)


def _real(value: float, field: FieldInfo) -> FloatDistribution:
    high = min(value * FACTOR_REAL, _bound(field, "le", math.inf))
    below = _bound(field, "lt", math.inf)
    if high >= below:
        high = (value + below) / 2
    if value == 0:  # nothing to multiply: half of what is allowed
        return FloatDistribution(0.0, min(below, _bound(field, "le", 1.0)) / 2)
    return FloatDistribution(value / FACTOR_REAL, high, log=True)


def _bound(field: FieldInfo, name: str, otherwise: float) -> float:
    return next((float(getattr(one, name)) for one in field.metadata if hasattr(one, name)), otherwise)
