"""Detect anomalies in a DataFrame, in five lines.

>>> from detector.api import example, fit, plot, score
>>> history, recent = example()
>>> bundle = fit(history)
>>> scores = score(bundle, recent)
>>> scores[scores.is_anomaly].top_channel.mode()[0]
'pressure'

``plot(bundle, recent)`` draws it, ``bundle.save(path)`` keeps it for the daemon.
"""

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from detector.bundle import Bundle
from detector.calibration.table import DEFAULT, CalibrationConfig
from detector.errors import DataError
from detector.fitting.dataset import runs
from detector.fitting.frames import TIME, align, channels_of, ordered_times, schema_of
from detector.inference import Scorer, calibrate
from detector.members.base import Progress
from detector.scoring.share import top_channel
from detector.types import cut

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from detector.members.table import DetectorConfig
    from detector.uses.compress import compress as compress
    from detector.uses.denoise import denoise as denoise
    from detector.uses.encode import encode as encode
    from detector.uses.impute import impute as impute
    from detector.uses.interpolate import interpolate as interpolate
    from detector.uses.sample import sample as sample

DELAY = 16
"""Rows that a score waits by default: the best quality, see the detector's measurements."""

ROWS = 4096

USES = ("compress", "denoise", "encode", "impute", "interpolate", "sample")
"""What else an autoencoder is for; these need torch, which scoring does not, and are imported when they are named."""


def __getattr__(name: str) -> Any:
    if name not in USES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"detector.uses.{name}"), name)


def fit(
    history: pd.DataFrame | Sequence[pd.DataFrame],
    config: "DetectorConfig | None" = None,
    seed: int = 0,
    progress: Progress = lambda *_: None,
    text: Sequence[str] = (),
) -> Bundle:
    """Learns what is normal.

    Args:
        history: rows in time order (or several series of the same channels): a column ``timestamp`` or a DatetimeIndex
            for the time, every other numeric column a channel; ``is_anomaly`` is ignored; NaN is a missing value.
        config: members of the detector; the preset ``auto`` by default.
        seed: of everything random.
        progress: told what is done and how far.
        text: columns of words that are channels too; a word counts how rare it is.

    Returns:
        A bundle, ready to ``score`` or ``save``; ``facts["self_test"]`` says how it took injected anomalies.

    Raises:
        DataError: no channel, or too few rows.
        SchemaMismatch: the series have different channels.
        TrainingDiverged: the loss became NaN.
    """
    from detector.fitting.fit import fit_detector
    from detector.members.presets import auto

    frames = [history] if isinstance(history, pd.DataFrame) else list(history)
    if not frames:
        raise DataError("there is no data to learn from; give at least one series.")
    alone = config is not None and all(member.window == 1 for member in config.members)
    schema = schema_of(frames, text, independent=alone)
    data = [run for number, frame in enumerate(frames) for run in runs(align(schema, frame, f"series {number + 1}"))]
    return fit_detector(config or auto(len(schema.channels)), schema, data, seed, progress, refuse=False)


def score(
    bundle: Bundle,
    frame: pd.DataFrame,
    delay: int | None = None,
    calibration: CalibrationConfig = DEFAULT,
    progress: Progress = lambda *_: None,
) -> pd.DataFrame:
    """Scores every row as the daemon would.

    Args:
        bundle: from ``fit`` or ``detector.bundle.load``.
        frame: as for ``fit``, with the channels that the bundle knows.
        delay: rows that a score may wait for, by default ``best_delay``; 0 is strictly causal.
        calibration: how the limit is set.
        progress: told what is done and how far.

    Returns:
        One row per row of ``frame``, with its index: ``anomaly_score`` (1.0 is the limit, NaN where nothing was
        observed), ``is_anomaly`` and ``top_channel`` (the channel with the largest share, empty where none has any).

    Raises:
        SchemaMismatch: a channel is missing or unknown.
    """
    detector = bundle.detector
    delay = best_delay(bundle) if delay is None else delay
    detector.schema.check(channels_of(frame, detector.schema.categories), "the data to score")
    samples = align(detector.schema, frame, "the data to score")
    scorer = Scorer(detector, calibrate(detector, delay, calibration), delay, capacity=1)
    parts = []
    for begin in range(0, len(samples), ROWS):
        parts.append(scorer.decide(cut(samples, slice(begin, begin + ROWS))))
        progress("score", min(begin + ROWS, len(samples)) / len(samples))
    parts.append(scorer.flush().decisions)
    order, _ = ordered_times(frame)
    names = np.array([*detector.schema.names, ""], dtype=object)
    anomaly_score = np.concatenate([part.anomaly_score for part in parts])
    top = top_channel(np.concatenate([part.contribution for part in parts]))
    top[~np.isfinite(anomaly_score)] = -1
    found = pd.DataFrame(
        {
            "anomaly_score": anomaly_score,
            "is_anomaly": np.concatenate([part.is_anomaly for part in parts]),
            "top_channel": names[top],
        }
    )
    found.index = frame.index[order]
    return found.iloc[np.argsort(order, kind="stable")]


def best_delay(bundle: Bundle) -> int:
    """Returns the rows that a score waits by default: none where every row is judged by itself."""
    return DELAY if bundle.detector.window > 1 else 0


def plot(bundle: Bundle, frame: pd.DataFrame, delay: int | None = None) -> "Figure":
    """Draws the channels that contribute most, the anomaly score and what is beyond the limit."""
    from detector.plots import scores_figure

    return scores_figure(frame, score(bundle, frame, delay), bundle.detector.schema)


def example(rows: int = 4000, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Makes a small pump: normal history, and recent rows in which the pressure drops for two hours."""
    rng = np.random.default_rng(seed)
    minute = np.arange(rows + 1000)
    day = np.sin(2 * np.pi * minute / 720)
    flow = 10 + 2 * day + rng.normal(0, 0.2, len(minute))
    pressure = 4 + 0.15 * (flow - 10) + rng.normal(0, 0.05, len(minute))
    pressure[rows + 600 : rows + 720] -= 0.8
    time = pd.date_range("2026-01-01", periods=len(minute), freq="min", tz="UTC")
    frame = pd.DataFrame({TIME: time, "flow": flow, "pressure": pressure})
    return frame[:rows].reset_index(drop=True), frame[rows:].reset_index(drop=True)
