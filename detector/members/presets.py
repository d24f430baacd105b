"""Ready-made detectors."""

from collections.abc import Callable

from detector.members.autoencoder import AutoencoderMember
from detector.members.encoder import EncoderMember
from detector.members.memory import MemoryMember
from detector.members.projection import ProjectionMember
from detector.members.table import DetectorConfig, MemberConfig
from detector.models.backbones.conv1d import Conv1dBackbone
from detector.models.backbones.table import BackboneConfig
from detector.models.variants.deep import DeepConfig
from detector.models.variants.denoising import DenoisingConfig
from detector.models.variants.table import VariantConfig
from detector.windows.scale import ScalerConfig


def auto(channels: int) -> DetectorConfig:
    """Returns the default detector: a masked denoising autoencoder in two views, memories of normal windows and PCA.

    One configuration for 1 to 300 channels and 300 to a million rows; every choice in it is a mean over collections
    (see the measurements in the documentation). A single channel is told by its shapes, so it is given two memories
    more; of several, what leaves their common subspace counts too.

    Args:
        channels: F.
    """
    denoising = DenoisingConfig(noise_sd=0.3, holes_ratio=0.5)
    if channels == 1:
        more: tuple[MemberConfig, ...] = (
            MemoryMember(name="near32", window=32, stride=2),
            MemoryMember(name="shape64", window=64, stride=4, centre=True, outside=False),
        )
    else:
        more = (ProjectionMember(name="pca_wide", window=64, pooling="mean"),)
    return DetectorConfig(
        members=(
            AutoencoderMember(name="cae", variant=denoising, weight=0.5),
            AutoencoderMember(name="cae_shape", variant=denoising, centre=True, last=8, weight=0.5),
            MemoryMember(name="near8", window=8),
            MemoryMember(name="near16", window=16),
            MemoryMember(name="shape128", window=128, stride=4, centre=True, outside=False, stand_in=True),
            ProjectionMember(name="pca", window=16),
            *more,
        )
    )


def flows() -> DetectorConfig:
    """Returns the detector for records of network traffic, each judged by itself: a variational encoder alone."""
    return DetectorConfig(members=(EncoderMember(),), scaler=ScalerConfig(logarithmic=True))


def fast() -> DetectorConfig:
    """Returns the detector for very many rows a second: one small convolutional autoencoder and nothing else.

    It looks at every 8th row and judges the 8 newest of its window. No layer mixes the steps of its code, so the graph
    that serves runs on the rows that those 8 depend on alone. Layers are causal: windows share all of the encoder.
    What it costs and what it finds is in the measurements.
    """
    return single(DeepConfig(code_size=None), Conv1dBackbone(width=16, activation="relu", causal=True))


def single(variant: VariantConfig, backbone: BackboneConfig) -> DetectorConfig:
    """Returns a detector of one autoencoder, which judges the newest stride of its window.

    A conditional one is told the hour and the weekday.
    """
    clock = variant.kind == "conditional_vae"
    member = AutoencoderMember(name=variant.kind, variant=variant, backbone=backbone, stride=8, last=8, clock=clock)
    return DetectorConfig(members=(member,))


PRESETS: dict[str, Callable[[], DetectorConfig]] = {"fast": fast, "flows": flows}
"""What can be trained by name; the default, ``auto``, depends on the channels."""
