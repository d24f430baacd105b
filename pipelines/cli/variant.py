"""Detectors of one autoencoder, as options name them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from detector.members.table import DetectorConfig


def single(variant: str, backbone: str, size: int | None = None) -> "DetectorConfig":
    """Returns the detector that ``--variant`` and ``--backbone`` ask for, with a code of this size.

    Raises:
        ConfigError: there is no such variant or backbone.
    """
    from pydantic import TypeAdapter, ValidationError

    from detector.errors import ConfigError
    from detector.members import presets
    from detector.models.backbones.table import BackboneConfig
    from detector.models.variants.table import REGISTERED

    if variant not in REGISTERED:
        raise ConfigError(f"--variant {variant}: there is no such one; legal are {', '.join(REGISTERED)}.")
    try:
        layers = TypeAdapter(BackboneConfig).validate_python({"kind": backbone})
    except ValidationError as error:
        legal = error.errors()[0]["ctx"]["expected_tags"]
        raise ConfigError(f"--backbone {backbone}: there is no such one; legal are {legal}.") from error
    asked = REGISTERED[variant]
    return presets.single(asked if size is None else asked.sized(size), layers)
