"""What lies between two windows, by way of their codes."""

import numpy as np
import pandas as pd
import torch

from detector.bundle import Bundle
from detector.errors import ConfigError, DataError
from detector.fitting.frames import TIME, times
from detector.members.base import pad
from detector.uses.sample import stacked
from detector.uses.series import Series, autoencoder, read


def interpolate(
    bundle: Bundle, frame: pd.DataFrame, first: str | int, last: str | int, steps: int = 7, member: str | None = None
) -> pd.DataFrame:
    """Decodes codes on the way from one window to another.

    Args:
        bundle: with an autoencoder.
        frame: one series, as for ``score``.
        first: time of the newest row of the one window: ISO-8601, or a whole number where rows are numbered.
        last: that of the other.
        steps: windows wanted, both ends included.
        member: name of the autoencoder, the first by default.

    Returns:
        T rows for each step, one step below the other: ``share`` of the way (0 and 1 are the reconstructions of the
        two windows), ``row`` from 0, a column per channel in its own unit.

    Raises:
        ConfigError: there is no such autoencoder, or fewer than two steps are asked for.
        DataError: no whole window ends at one of the times.
        SchemaMismatch: a channel is missing or unknown.
    """
    if steps < 2:
        raise ConfigError(f"steps is {steps}; the two ends alone are two.")
    coder = autoencoder(bundle, member)
    series = read(bundle, frame, coder.window)
    ends = [_row(series, when, coder.window) for when in (first, last)]
    both = np.stack([series.held[end + 1 - coder.window : end + 1] for end in ends])
    one, other = torch.from_numpy(coder.encode(pad(both), None)[:2])
    share = np.linspace(0, 1, steps)
    with torch.inference_mode():
        codes = coder.model.between(one, other, torch.from_numpy(share).float()).numpy()
    decoded = coder.decode(pad(codes))[:steps]
    if coder.config.centre:
        level = both.mean(axis=1)
        decoded = decoded + (level[0] + share[:, None] * (level[1] - level[0]))[:, None]
    return stacked("share", share, bundle.detector.scaler.inverse(decoded), bundle.detector.schema.names)


def _row(series: Series, when: str | int, window: int) -> int:
    """Returns the newest row that is not later than ``when``."""
    whole = isinstance(when, int) or when.strip().lstrip("+-").isdigit()
    try:
        at = times(pd.DataFrame({TIME: [int(when) if whole else str(when)]}))[0]
    except DataError as error:
        raise DataError(f"{when!r} is no time; give it as the data does, such as 2026-01-31T12:00:00Z.") from error
    row = int(np.searchsorted(series.time_ns, at, side="right")) - 1
    if row < window - 1 or at > series.time_ns[-1]:
        raise DataError(
            f"no window of {window} rows ends at {when}: the first ends at row {window} of the data, the last at row "
            f"{len(series.time_ns)}; name a time between them."
        )
    return row
