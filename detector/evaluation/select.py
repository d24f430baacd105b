"""Which of several detectors to take, by their marks in one examination: the default, unless another is better."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from scipy.stats import wilcoxon

from detector.evaluation.exam import Marks
from detector.types import Floats

RESAMPLES = 10_000

WORTH = {
    "injected": "injected anomalies show which detector reacts, not which one finds real anomalies best: on real "
    "series both rankings hardly agree (rank correlation .22), so the fused default stays; list incidents, then they "
    "decide",
    "labelled": "known incidents decided; the intervals tell how far so few places carry",
}
"""What a choice is worth, by the kind of the examination."""


class Difference(NamedTuple):
    """Mean difference in quality, place by place.

    Attributes:
        mean: one minus the other.
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
class Standing:
    """One candidate.

    Attributes:
        name: of the candidate.
        quality: mean VUS-PR over the places.
        low: lower end of its 95% interval.
        high: its upper end.
        gain: over the default, with an interval that allows for the number of rivals; None for the default itself.
    """

    name: str
    quality: float
    low: float
    high: float
    gain: Difference | None


@dataclass(frozen=True, slots=True)
class Selection:
    """Candidates in order, the best first, and the one to take.

    Attributes:
        chosen: name of the candidate to take.
        standings: all candidates.
        worth: what this choice is worth, in words.
    """

    chosen: str
    standings: tuple[Standing, ...]
    worth: str


def select(
    marks: Mapping[str, Marks],
    kind: Literal["labelled", "injected"],
    default: str = "auto",
    alpha: float = 0.05,
    seed: int = 0,
    trust_injected: bool = False,
) -> Selection:
    """Ranks candidates and names the one to take: the default, unless another is better beyond what luck explains.

    Injected anomalies rank, but do not unseat the default unless told to: on public series that costs more than it
    gives (ADR 12).

    Args:
        marks: by name, at least one, all of the same examination.
        kind: of the examination.
        default: wins ties; where it is missing, the highest mean wins.
        alpha: probability of taking one that is not better; divided by the number of rivals (Bonferroni).
        seed: of the resamples.
        trust_injected: injected anomalies may unseat the default as labelled ones may.
    """
    share = alpha / max(len(marks) - (default in marks), 1)
    standings = []
    for name, one in marks.items():
        low, high = np.quantile(_means(one.quality, seed), [0.025, 0.975])
        rival = default in marks and name != default
        gain = paired(one.quality, marks[default].quality, share, seed) if rival else None
        standings.append(Standing(name, one.mean, float(low), float(high), gain))
    standings.sort(key=lambda standing: (-standing.quality, standing.name != default))
    decides = kind == "labelled" or trust_injected
    ahead = [standing.name for standing in standings if decides and standing.gain and better(standing.gain, share)]
    fallback = default if default in marks else standings[0].name
    return Selection(ahead[0] if ahead else fallback, tuple(standings), WORTH[kind])


def paired(one: Floats, other: Floats, alpha: float, seed: int = 0) -> Difference:
    """Compares two detectors on the same places.

    Args:
        one: [P] quality at every place.
        other: [P] of the other at the same places.
        alpha: the interval covers with probability 1 - alpha.
        seed: of the resamples.

    Paper: Wilcoxon 1945, "Individual comparisons by ranking methods", signed ranks; Efron 1979, "Bootstrap methods",
    percentile interval of the mean over resampled places.
    """
    differences = one - other
    low, high = np.quantile(_means(differences, seed), [alpha / 2, 1 - alpha / 2])
    p_value = float(wilcoxon(differences).pvalue) if differences.any() else 1.0
    return Difference(float(differences.mean()), float(low), float(high), p_value)


def better(difference: Difference, alpha: float) -> bool:
    """True where both the interval and the test say so."""
    return difference.low > 0 and difference.p_value < alpha


def _means(values: Floats, seed: int) -> Floats:
    picks = np.random.default_rng(seed).integers(len(values), size=(RESAMPLES, len(values)))
    means: Floats = values[picks].mean(axis=1)
    return means
