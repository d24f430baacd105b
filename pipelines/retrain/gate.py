"""Who serves: paired evidence between two detectors that sat the same examination."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.stats import poisson, wilcoxon

from pipelines.retrain.exam import Marks

RESAMPLES = 10_000
_OVER_BUDGET = 0.01


class Difference(NamedTuple):
    """Mean difference in quality, place by place.

    Attributes:
        mean: challenger minus champion.
        low: lower end of the interval.
        high: upper end of it.
        p_value: of no difference, two-sided.
    """

    mean: float
    low: float
    high: float
    p_value: float

    def __str__(self) -> str:
        return f"{self.mean:+.3f} [{self.low:+.3f}, {self.high:+.3f}], p = {self.p_value:.2g}"


@dataclass(frozen=True, slots=True)
class Decision:
    """What the evidence says.

    Attributes:
        promote: the challenger is to serve.
        reason: a sentence for people.
    """

    promote: bool
    reason: str


def paired(one: Marks, other: Marks, alpha: float, seed: int = 0) -> Difference:
    """Compares two detectors on the same places.

    Args:
        one: marks of the challenger.
        other: marks of the champion.
        alpha: the interval covers with probability 1 - alpha.
        seed: of the resamples.

    Paper: Wilcoxon 1945, "Individual comparisons by ranking methods", signed ranks; Efron 1979, "Bootstrap methods",
    percentile interval of the mean over resampled places.
    """
    differences = one.quality - other.quality
    picks = np.random.default_rng(seed).integers(len(differences), size=(RESAMPLES, len(differences)))
    means = differences[picks].mean(axis=1)
    low, high = np.quantile(means, [alpha / 2, 1 - alpha / 2])
    p_value = float(wilcoxon(differences).pvalue) if differences.any() else 1.0
    return Difference(float(differences.mean()), float(low), float(high), p_value)


def better(difference: Difference, alpha: float) -> bool:
    """True where both the interval and the test say so."""
    return difference.low > 0 and difference.p_value < alpha


def best(marks: dict[str, Marks], default: str, alpha: float) -> str:
    """Chooses among candidates: the default, unless another is better beyond what so many chances explain.

    Args:
        marks: by name, at least one.
        default: wins ties; where it is missing, the highest mean wins.
        alpha: divided by the number of rivals (Bonferroni).
    """
    rivals = sorted((name for name in marks if name != default), key=lambda name: -marks[name].mean)
    if default not in marks:
        return rivals[0]
    share = alpha / max(len(rivals), 1)
    for name in rivals:
        if better(paired(marks[name], marks[default], share), share):
            return name
    return default


def decide(challenger: Marks, champion: Marks, alpha: float) -> Decision:
    """Says whether a challenger takes the champion's place.

    It does where it is better; also where nothing tells the two apart but the champion gives more false alarms on the
    newest rows than its budget explains, and the challenger fewer: the plant has changed.
    """
    difference = paired(challenger, champion, alpha)
    if better(difference, alpha):
        return Decision(True, f"it is better on the newest rows ({difference})")
    if difference.high < 0:
        return Decision(False, f"it is worse on the newest rows ({difference})")
    surplus = float(poisson.sf(champion.false_alarms - 1, max(champion.allowed, 1e-9)))
    alarms = f"{champion.false_alarms} false alarms on the newest rows where {champion.allowed:.2g} are allowed"
    if champion.false_alarms and surplus < _OVER_BUDGET and challenger.false_alarms < champion.false_alarms:
        return Decision(
            True, f"the champion gave {alarms}, it {challenger.false_alarms}, and it is not worse ({difference})"
        )
    return Decision(False, f"it is not shown to be better on the newest rows ({difference})")
