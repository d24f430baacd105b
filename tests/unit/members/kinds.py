"""One member of every kind, fitted to a small plant."""

import functools

import numpy as np

from detector.members.autoencoder import AutoencoderMember
from detector.members.base import Member, Rows
from detector.members.encoder import EncoderMember
from detector.members.memory import MemoryMember
from detector.members.projection import ProjectionMember
from detector.models.backbones.conv1d import Conv1dBackbone
from detector.models.backbones.dense import DenseBackbone
from detector.models.backbones.lstm import LstmBackbone
from detector.models.variants.deep import DeepConfig
from detector.models.variants.denoising import DenoisingConfig
from detector.models.variants.pca import PcaConfig
from detector.training.trainer import TrainerConfig

CHANNELS = 3
FILL = np.zeros(CHANNELS, np.float32)
_QUICK = TrainerConfig(steps=15, batch=16)
_MEMBERS = (
    MemoryMember(name="distance", window=10, size=200),
    MemoryMember(name="shape", window=12, size=200, centre=True, outside=False, stand_in=True),
    ProjectionMember(name="projection", window=11),
    ProjectionMember(name="together", window=8, pooling="mean"),
    AutoencoderMember(
        name="conv1d", window=16, variant=DenoisingConfig(), backbone=Conv1dBackbone(width=8), trainer=_QUICK
    ),
    AutoencoderMember(
        name="lstm", window=9, variant=DeepConfig(), backbone=LstmBackbone(width=8), centre=True, trainer=_QUICK
    ),
    EncoderMember(name="encoder", window=6, size=150, trainer=TrainerConfig(steps=150)),
    AutoencoderMember(
        name="dense", window=12, variant=PcaConfig(), backbone=DenseBackbone(width=8), last=5, trainer=_QUICK
    ),
)
CONFIGS = {member.name: member for member in _MEMBERS}
EXPECTING = ("projection", "together", "conv1d", "lstm", "encoder", "dense")


def rows(count: int, seed: int) -> Rows:
    t = np.arange(count)
    noise = 0.1 * np.random.default_rng(seed).normal(size=(count, CHANNELS))
    return Rows((np.stack([np.sin(t / 5), np.cos(t / 5), np.sin(t / 9)], 1) + noise).astype(np.float32), FILL)


@functools.cache
def fitted(name: str) -> Member:
    return CONFIGS[name].fit([rows(240, 0), rows(120, 1)], [rows(150, 2)], 0, lambda *_: None)


def windows(name: str, count: int = 150, seed: int = 3) -> np.ndarray:
    length = fitted(name).window
    return np.ascontiguousarray(rows(count + length - 1, seed).windows(length))
