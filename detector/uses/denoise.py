"""The signal without its noise: what an autoencoder makes of every row."""

import numpy as np
import pandas as pd

from detector.bundle import Bundle
from detector.uses.series import Step, autoencoder, read, rebuilt


def denoise(
    bundle: Bundle, frame: pd.DataFrame, member: str | None = None, progress: Step = lambda _: None
) -> pd.DataFrame:
    """Returns what an autoencoder rebuilds of every row, the mean over all windows that hold it.

    Args:
        bundle: with an autoencoder; one trained as ``denoising`` is made for this.
        frame: one series, as for ``score``.
        member: name of the autoencoder, the first by default.
        progress: told how far it is.

    Returns:
        One row per row of ``frame``, with its index; a column per channel, in its own unit. What is missing in the
        frame is missing here too: ``impute`` fills it.

    Raises:
        ConfigError: there is no such autoencoder.
        DataError: the frame is shorter than a window.
        SchemaMismatch: a channel is missing or unknown.
    """
    coder = autoencoder(bundle, member)
    series = read(bundle, frame, coder.window)
    clean = bundle.detector.scaler.inverse(rebuilt(coder, series.held, progress))
    clean[np.isnan(series.values)] = np.nan
    found = pd.DataFrame(clean, frame.index[series.order], list(bundle.detector.schema.names))
    return found.iloc[np.argsort(series.order, kind="stable")]
