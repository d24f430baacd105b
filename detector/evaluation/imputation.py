"""How well a model fills gaps: elements are hidden, filled plainly, and the model's opinion is asked a few times."""

from collections.abc import Callable

import numpy as np

from detector.types import Bools, Floats
from detector.windows.scale import filled

Rebuild = Callable[[Floats], Floats]
"""Takes windows [B, T, F] without NaN and returns what is expected in their place."""

ROUNDS = 5
HOLE_RATIO = 0.25


def holes(shape: tuple[int, int, int], seed: int) -> Bools:
    """Hides a quarter of the rows of one channel in every window.

    Args:
        shape: B, T, F.
        seed: of channels and places.

    Returns:
        [B, T, F] bool, True where an element is hidden; the first row never is where T > 1.
    """
    many, steps, channels = shape
    rng = np.random.default_rng(seed)
    length = max(1, round(HOLE_RATIO * steps))
    begin = rng.integers(min(1, steps - 1), steps - length + 1, (many, 1))
    step = np.arange(steps)
    rows = (step >= begin) & (step < begin + length)
    return rows[:, :, None] & (np.arange(channels) == rng.integers(channels, size=(many, 1, 1)))


def imputation_error(rebuild: Rebuild, windows: Floats, hidden: Bools, fill: Floats, rounds: int = ROUNDS) -> float:
    """Mean square of what was hidden minus what a model put in its place.

    Hidden elements begin as the last observed one before them; every round replaces them by what the model rebuilds
    of the window as it then stands. A model that changes nothing gives the error of holding the last value.

    Args:
        rebuild: the model.
        windows: [B, T, F] float32 without NaN.
        hidden: [B, T, F] bool, at least one True.
        fill: [F] what a hidden element counts as that has none before it.
        rounds: how often the model is asked.

    Paper: Rezende, Mohamed & Wierstra 2014, section 6.4, with means in place of samples.
    """
    guess, _ = filled(np.where(hidden, np.float32(np.nan), windows), fill)
    for _ in range(rounds):
        guess = np.where(hidden, rebuild(guess), windows)
    return float(np.square(guess - windows, dtype=np.float64)[hidden].mean())
