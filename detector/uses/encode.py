"""Embeddings: what an encoder makes of every window."""

import numpy as np
import pandas as pd

from detector.bundle import Bundle
from detector.errors import ConfigError
from detector.fitting.frames import TIME
from detector.types import Floats
from detector.uses.series import Step, autoencoder, read, stamps, windows


def encode(
    bundle: Bundle, frame: pd.DataFrame, every: int = 1, member: str | None = None, progress: Step = lambda _: None
) -> pd.DataFrame:
    """Returns the code of every window.

    Args:
        bundle: with an autoencoder.
        frame: one series, as for ``score``.
        every: rows from one window to the next.
        member: name of the autoencoder, the first by default.
        progress: told how far it is.

    Returns:
        One row per window, in order of time, with the index of its newest row: its ``timestamp`` and ``code_0`` to
        ``code_D-1``.

    Raises:
        ConfigError: there is no such autoencoder, or ``every`` is below 1.
        DataError: the frame is shorter than a window.
        SchemaMismatch: a channel is missing or unknown.
    """
    if every < 1:
        raise ConfigError(f"every is {every}; windows must be at least one row apart.")
    coder = autoencoder(bundle, member)
    series = read(bundle, frame, coder.window)
    ends = np.arange(coder.window - 1, len(series.held), every)
    parts: list[Floats] = []
    for part, real in windows(series.held, coder.window, every):
        parts.append(coder.encode(part, None)[:real])
        progress(sum(map(len, parts)) / len(ends))
    codes = np.concatenate(parts)
    rows = series.order[ends]
    found = pd.DataFrame(codes, frame.index[rows], [f"code_{number}" for number in range(codes.shape[1])])
    found.insert(0, TIME, stamps(frame)[rows])
    return found
