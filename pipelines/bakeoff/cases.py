"""What all models of a bake-off are trained on and judged by."""

from dataclasses import dataclass

import numpy as np

from detector.evaluation.probe import Known
from detector.types import Bools, Floats

HELD_OUT_RATIO = 0.3
MOST = 300
"""Held-out windows that comparisons of windows with windows look at."""


@dataclass(frozen=True, slots=True)
class Case:
    """Normal windows, later ones of which some are anomalous, and windows of known classes; none has a NaN.

    Attributes:
        name: a digit or a series.
        channels: names, F.
        learn: [N, T, F] float32 normal windows to train on.
        later: [H, T, F] normal windows held out, in order.
        test: [M, T, F] windows to judge, in order.
        labels: [M] bool, the anomalous ones.
        probe: windows (flat, [P, T * F]) whose classes may be learnt.
        asked: windows whose classes are asked.
        classes: what the classes are, in words.
        period: longest buffer of VUS-PR; 0 where windows follow each other by chance.
        rows_per_week: of one series; None where time has no unit.
    """

    name: str
    channels: tuple[str, ...]
    learn: Floats
    later: Floats
    test: Floats
    labels: Bools
    probe: Known
    asked: Known
    classes: str
    period: int
    rows_per_week: float | None = None

    @property
    def ordered(self) -> bool:
        """Whether windows follow each other in time, a row apart."""
        return self.period > 0

    @property
    def few(self) -> Floats:
        """Held-out windows spread evenly over time, at most 300."""
        return self.later[evenly(len(self.later), MOST)]


def evenly(count: int, most: int) -> np.ndarray:
    """Returns ``most`` of the numbers below ``count`` evenly spread, all where there are fewer."""
    return np.linspace(0, count - 1, min(most, count)).round().astype(np.int64)
