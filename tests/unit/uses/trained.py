"""Small autoencoders that learned two coupled waves, one of every kind that the tests need."""

import functools

import numpy as np
import pandas as pd

from detector import api
from detector.bundle import Bundle
from detector.members.autoencoder import AutoencoderMember
from detector.members.memory import MemoryMember
from detector.members.table import DetectorConfig
from detector.models.backbones.dense import DenseBackbone
from detector.models.variants.table import REGISTERED
from detector.training.trainer import TrainerConfig

WINDOW = 16
CHANNELS = ["flow", "pressure"]


def waves(rows: int, seed: int, noise: float = 0.05) -> pd.DataFrame:
    """A load of period 40 that moves both channels in opposite directions, in units of their own."""
    t = np.arange(rows)
    load = np.sin(2 * np.pi * t / 40)
    values = np.stack([100 + 10 * load, 4 - 0.5 * load], axis=1)
    values += noise * np.random.default_rng(seed).normal(size=values.shape) * [10, 0.5]
    time = pd.date_range("2026-01-01", periods=rows, freq="min", tz="UTC")
    return pd.DataFrame(values, columns=CHANNELS).assign(timestamp=time)[["timestamp", *CHANNELS]]


@functools.cache
def bundle(variant: str = "deep", centre: bool = False, size: int = 4) -> Bundle:
    asked = REGISTERED[variant].sized(size)
    member = AutoencoderMember(
        name="coder", window=WINDOW, variant=asked, centre=centre, backbone=DenseBackbone(width=32, depth=1),
        trainer=TrainerConfig(steps=250),
    )  # fmt: skip
    return api.fit(waves(600, 0), DetectorConfig(members=(MemoryMember(name="near", window=8, size=50), member)))
