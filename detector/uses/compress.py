"""How small a window becomes as a code, and how much of it is lost."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from detector.bundle import Bundle
from detector.errors import ConfigError
from detector.members.base import pad
from detector.members.reconstruction import Reconstruction
from detector.models.variants.vq_vae import VqVae
from detector.types import Floats
from detector.uses.series import Step, autoencoder, read, windows

VALUE_BITS = 32
"""What one value of the input counts."""


@dataclass(frozen=True, slots=True)
class Compression:
    """What an autoencoder makes of a series as a means to store it.

    Attributes:
        member: name of the autoencoder.
        window_bits: of a window as it stands, 32 for each value.
        code_bits: of its code.
        entropy_bits: of its code if every value of it were written by how often it occurs (Shannon 1948, section 6).
        ratio: ``window_bits`` over ``code_bits``.
        error_ratio: what is lost: mean squared error over the variance of the values, on the detector's scale.
        signal_to_noise_db: the same in decibels.
        windows: how many were measured, none of which share a row.
    """

    member: str
    window_bits: int
    code_bits: int
    entropy_bits: float
    ratio: float
    error_ratio: float
    signal_to_noise_db: float
    windows: int


def compress(
    bundle: Bundle, frame: pd.DataFrame, bits: int = 8, member: str | None = None, progress: Step = lambda _: None
) -> Compression:
    """Writes a series as codes and reads it back.

    The series is cut into windows side by side. Every value of a code is rounded to one of 2^bits steps between the
    least and the greatest that occur; the code of a ``vq_vae`` is discrete as it is, log2(entries) bits a slot. In
    the view of shapes the mean of a window is written beside its code. The ranges are written once and not counted.

    Args:
        bundle: with an autoencoder.
        frame: one series, as for ``score``; best one that the autoencoder was not trained on.
        bits: of one value of a code.
        member: name of the autoencoder, the first by default.
        progress: told how far it is.

    Raises:
        ConfigError: there is no such autoencoder, or ``bits`` is not between 1 and 32.
        DataError: the frame is shorter than a window.
        SchemaMismatch: a channel is missing or unknown.
    """
    if not 1 <= bits <= VALUE_BITS:
        raise ConfigError(f"bits is {bits}; a value of a code takes between 1 and {VALUE_BITS}.")
    coder = autoencoder(bundle, member)
    series = read(bundle, frame, coder.window)
    actual, codes, levels = _encoded(coder, series.held, progress)
    words, meant, width = _discrete(coder.model, codes) if isinstance(coder.model, VqVae) else _rounded(codes, bits)
    more, level, _ = _rounded(levels, bits)
    expected = coder.decode(pad(meant))[: len(meant)] + (level[:, None] if coder.config.centre else 0)
    known = ~np.isnan(series.scaled[: actual.shape[0] * actual.shape[1]]).reshape(actual.shape)
    variance = float(actual[known].var()) if known.any() else 0.0
    error_ratio = float(np.square(expected - actual)[known].mean()) / variance if variance else math.nan
    window_bits = VALUE_BITS * actual[0].size
    code_bits = words.shape[1] * width + more.shape[1] * bits
    return Compression(
        member=coder.name,
        windows=len(actual),
        window_bits=window_bits,
        code_bits=code_bits,
        entropy_bits=sum(map(_entropy, [*words.T, *more.T])),
        ratio=window_bits / code_bits,
        error_ratio=error_ratio,
        signal_to_noise_db=-10 * math.log10(error_ratio) if error_ratio > 0 else math.inf,
    )


def _encoded(coder: Reconstruction, rows: Floats, progress: Step) -> tuple[Floats, Floats, Floats]:
    """Returns windows side by side [N, T, F], their codes [N, D] and, in the view of shapes, their means [N, F]."""
    actual = rows[: len(rows) // coder.window * coder.window].reshape(-1, coder.window, rows.shape[1])
    codes: list[Floats] = []
    for part, real in windows(rows, coder.window, coder.window):
        codes.append(coder.encode(part, None)[:real])
        progress(sum(map(len, codes)) / len(actual))
    return actual, np.concatenate(codes), actual.mean(axis=1) if coder.config.centre else actual[:, 0, :0]


def _rounded(values: Floats, bits: int) -> tuple[Floats, Floats, int]:
    """Returns whole numbers [N, K] that stand for values [N, K], what they mean, and the bits that one takes."""
    low, high = values.min(axis=0).astype(np.float64), values.max(axis=0)
    step = np.maximum(high - low, 1e-12) / (2.0**bits - 1)
    whole = np.rint((values - low) / step)
    return whole, (low + whole * step).astype(np.float32), bits


def _discrete(model: VqVae, codes: Floats) -> tuple[Floats, Floats, int]:
    """As ``_rounded``, for codes [N, D] that consist of entries."""
    picked: Floats = model.codebook.nearest(torch.from_numpy(codes).unflatten(1, (model.slots, -1))).numpy()
    return picked, codes, math.ceil(math.log2(len(model.codebook.entries)))


def _entropy(values: Floats) -> float:
    """Returns the bits that one of these values carries."""
    share = np.unique(values, return_counts=True)[1] / len(values)
    return float(-(share * np.log2(share)).sum())
