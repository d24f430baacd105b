"""Models as named arrays and back: what a bundle keeps of them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from pydantic import TypeAdapter

from detector.errors import BundleError
from detector.models.backbones.base import Backbone, Shape
from detector.models.backbones.table import BackboneConfig
from detector.models.base import Autoencoder, Variant
from detector.models.variants.table import VariantConfig
from detector.types import Floats


def state(model: Autoencoder) -> dict[str, Floats]:
    """Returns every weight and fitted value of a model, by name, as copies."""
    return {name: tensor.detach().cpu().numpy().copy() for name, tensor in model.state_dict().items()}


def restore(variant: Variant, backbone: Backbone, shape: Shape, tensors: Mapping[str, Floats]) -> Autoencoder:
    """Returns the model that ``state`` described, ready to score.

    Args:
        variant: as it was trained.
        backbone: as it was trained.
        shape: as it was trained.
        tensors: as ``state`` gave them.

    Raises:
        BundleError: the arrays do not belong to such a model.
    """
    model = variant.build(shape, backbone)
    try:
        model.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in tensors.items()})
    except (RuntimeError, KeyError) as error:
        raise BundleError(
            f"the saved weights do not fit a {type(variant).__name__} on {type(backbone).__name__} for windows of "
            f"{shape.steps} steps and {shape.channels} channels: the bundle is damaged or of another version; train "
            "the detector anew."
        ) from error
    # Gradients off as after training: with them torch takes another way through an LSTM, of other last bits.
    return model.requires_grad_(False).eval()


def rebuilt(
    variant: Mapping[str, Any], backbone: Mapping[str, Any], shape: Shape, tensors: Mapping[str, Floats]
) -> Autoencoder:
    """Returns the model that ``state`` described, of settings as they were written down; see ``restore``."""
    known: Variant = TypeAdapter(VariantConfig).validate_python(variant)
    layers: Backbone = TypeAdapter(BackboneConfig).validate_python(backbone)
    return restore(known, layers, shape, tensors)
