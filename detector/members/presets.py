"""Ready-made detectors."""

from detector.members.autoencoder import AutoencoderMember
from detector.members.memory import MemoryMember
from detector.members.projection import ProjectionMember
from detector.members.table import DetectorConfig
from detector.models.backbones.table import BackboneConfig
from detector.models.variants.denoising import DenoisingConfig
from detector.models.variants.table import VariantConfig


def auto(channels: int) -> DetectorConfig:
    """Returns the default detector: a masked denoising autoencoder in two views, memories of normal windows and PCA.

    One configuration for 1 to 300 channels and 300 to a million rows; every choice in it is a mean over collections
    (see the measurements in the documentation). With several channels one more member watches for channels that stop
    moving together.

    Args:
        channels: F.
    """
    denoising = DenoisingConfig(noise_sd=0.3, holes_ratio=0.5)
    together = (ProjectionMember(name="pca_wide", window=64, pooling="mean"),) if channels > 1 else ()
    return DetectorConfig(
        members=(
            AutoencoderMember(name="cae", variant=denoising, weight=0.5),
            AutoencoderMember(name="cae_shape", variant=denoising, centre=True, last=8, weight=0.5),
            MemoryMember(name="near8", window=8),
            MemoryMember(name="near16", window=16),
            MemoryMember(name="near32", window=32, stride=2),
            MemoryMember(name="shape64", window=64, stride=4, centre=True, outside=False),
            MemoryMember(name="shape128", window=128, stride=4, centre=True, outside=False, stand_in=True),
            ProjectionMember(name="pca", window=64),
            *together,
        )
    )


def single(variant: VariantConfig, backbone: BackboneConfig) -> DetectorConfig:
    """Returns a detector of one autoencoder, which judges the newest stride of its window."""
    return DetectorConfig(
        members=(AutoencoderMember(name=variant.kind, variant=variant, backbone=backbone, stride=8, last=8),)
    )
