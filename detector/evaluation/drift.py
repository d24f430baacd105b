"""When is retraining due: a bet against the claim that scores still come from the distribution of the held-out rows.

While the claim is true the capital of the bet is a martingale, so it ever reaches 1 / delta with a probability of at
most delta, however long one looks (Ville's inequality). That holds for exchangeable scores. Scores of neighbouring
rows are not: their windows overlap. So one row per window of each series enters the bet, and whoever pushes picks it.
A slower rhythm, such as a day that the held-out rows do not cover, is a change to the bet too, and so is an incident
that lasts.
"""

# mypy: disallow-untyped-defs=False
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import ArrayLike
from pydantic import BaseModel, ConfigDict, Field

from detector.calibration.base import Calibrator
from detector.inference import smooth
from detector.members.detector import Detector
from detector.types import Floats, Ints

BINS = 512


class DriftConfig(BaseModel):
    """How sure a change must be before retraining is due."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    delta: float = Field(default=0.01, gt=0, lt=1, description="Chance of a trigger at any time without a change")
    jump_ratio: float = Field(default=0.01, gt=0, le=1, description="Share of the capital that changes its bet per row")
    every_rows: int | None = Field(
        default=None, ge=1, description="Of each series one row in so many is looked at; empty takes the window"
    )

    def fit(self, held_out: list[Floats], window: int, seed: int = 0) -> "DriftMartingale":
        """Returns a bet that starts from what is normal.

        Args:
            held_out: p-values of held-out rows, one array per run in order of time; NaN is none.
            window: rows of the detector's longest window, plus the delay of its scores.
            seed: of the numbers that break ties.
        """
        every = self.every_rows or window
        seen = np.concatenate([np.empty(0), *(run[::every] for run in held_out)])
        counts = np.bincount(_bins(seen[np.isfinite(seen)]), minlength=BINS)
        return DriftMartingale(self, counts.astype(np.int64), every, seed)

    def against(self, detector: Detector, calibrator: Calibrator, delay: int, seed: int) -> "DriftMartingale":
        """Returns a bet against a detector's held-out scores still telling what is normal.

        Args:
            detector: with its held-out scores.
            calibrator: fitted to them; gives the p-values here and later.
            delay: rows that a score waits.
            seed: as in ``fit``.
        """
        held_out: list[Floats] = [calibrator.p_value(smooth(scores, delay)) for scores in detector.held_out]
        return self.fit(held_out, detector.window + delay, seed)


class DriftMartingale:
    """The Simple Jumper on ranks of p-values, one for all series of a detector.

    A p-value is ranked among the held-out ones and all that came before it, ties broken at random: under
    exchangeability these ranks are independent and uniform (up to one part in the number of held-out rows), whatever
    the held-out sample happens to be; p-values against a fixed sample would show its luck as a change.

    Paper: Vovk, Petej, Nouretdinov, Ahlberg, Carlsson and Gammerman 2021, "Retrain or not retrain: conformal test
    martingales for change-point detection", algorithm 1: capital on the bets 1 + e (p - 1/2), e in -1, 0, 1.

    Attributes:
        every: rows of a series of which one is to be pushed.
    """

    def __init__(self, config: DriftConfig, counts: Ints, every: int, seed: int) -> None:
        self.every = every
        self._config = config
        self._first = counts
        self._rng = np.random.default_rng(seed)
        self.reset()

    @property
    def log10_capital(self) -> float:
        """Evidence for a change now: 2 says that such luck has a chance of one in a hundred at most."""
        return self._log_capital / np.log(10)

    @property
    def log10_peak(self) -> float:
        """The most evidence there has been since the beginning."""
        return float(self._highest / np.log(10))

    @property
    def ratio(self) -> float:
        """Logarithm of the capital over that of the limit: 1 triggers, below 0 nothing speaks for a change."""
        return float(self._log_capital / -np.log(self._config.delta))

    @property
    def triggered(self) -> bool:
        """True from the row on that showed a change, until ``reset``."""
        return self._highest >= -np.log(self._config.delta)

    def reset(self) -> None:
        """Bets anew from the held-out rows, as after a retraining that was not needed."""
        self._counts = self._first.copy()
        self._shares = np.full(3, 1 / 3)
        self._log_capital = self._highest = 0.0

    def push(self, p_values: ArrayLike) -> None:
        """Takes p-values in (0, 1], [B], in order of time within each series; NaN is none."""
        p = np.asarray(p_values, np.float64)
        taken = _bins(p[np.isfinite(p)])
        bet = _bet(taken, self._rng.random(len(taken)), self._counts, self._shares, self._config.jump_ratio)
        self._highest = max(self._highest, self._log_capital + bet.highest)
        self._log_capital += bet.gain


class _Bet(NamedTuple):
    gain: float
    highest: float


def _bins(p_values: Floats) -> Ints:
    """Bins of equal ratio: the small p-values of a change differ by factors."""
    return np.minimum(BINS - 1, (-np.log(p_values) * (BINS / 16)).astype(np.int64))


@njit(cache=True)
def _bet(bins, ties, counts, shares, jump):
    """Bets on every p-value in turn; changes ``counts`` and ``shares`` in place."""
    total, gain, highest = counts.sum(), 0.0, 0.0
    for i in range(len(bins)):
        # A high bin is a small p-value: the rank counts what is at least as unusual.
        above = counts[bins[i] + 1 :].sum()
        rank = (above + ties[i] * (counts[bins[i]] + 1)) / (total + 1)
        counts[bins[i]] += 1
        total += 1
        mixed = 0.0
        for k in range(3):
            shares[k] = (1 - jump) * shares[k] + jump / 3
        for k in range(3):
            shares[k] *= 1 + (k - 1) * (rank - 0.5)
            mixed += shares[k]
        shares /= mixed
        gain += np.log(mixed)
        highest = max(highest, gain)
    return _Bet(gain, highest)
