"""Means and intervals of figures over seeds, and what is said of two entrants beside each other."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from pipelines.bakeoff.figures import FIGURES
from pipelines.bakeoff.marks import Marks

CONFIDENCE = 0.95


class Mean(NamedTuple):
    """A mean and its 95% interval; NaN where there is none.

    Attributes:
        value: mean.
        low: lower end.
        high: upper end.
    """

    value: float
    low: float
    high: float


Summary = dict[str, dict[str, Mean]]
"""Mean of every figure of every entrant, both by name."""


def mean(values: Sequence[float] | NDArray[np.float64]) -> Mean:
    """Returns the mean of values that are independent of each other, with Student's interval.

    Paper: Student 1908, "The probable error of a mean".
    """
    known = np.asarray(values, np.float64)
    known = known[np.isfinite(known)]
    if not len(known):
        return Mean(np.nan, np.nan, np.nan)
    value = float(known.mean())
    if len(known) == 1:
        return Mean(value, np.nan, np.nan)
    reach = float(student.ppf((1 + CONFIDENCE) / 2, len(known) - 1) * known.std(ddof=1) / np.sqrt(len(known)))
    return Mean(value, value - reach, value + reach)


def by_seed(marks: Iterable[Marks], figure: str) -> dict[int, float]:
    """Returns the mean over cases of one figure of one entrant, for every seed."""
    found: dict[int, list[float]] = {}
    for one in marks:
        if np.isfinite(value := one.figures.get(figure, np.nan)):
            found.setdefault(one.seed, []).append(value)
    return {seed: float(np.mean(values)) for seed, values in sorted(found.items())}


def grouped(marks: Iterable[Marks]) -> dict[str, list[Marks]]:
    """Sorts the marks that there are by entrant; one that failed anywhere is left out."""
    found: dict[str, list[Marks]] = {}
    failed = set()
    for one in marks:
        found.setdefault(one.entrant, []).append(one)
        if one.failure:
            failed.add(one.entrant)
    return {name: group for name, group in found.items() if name not in failed}


def summary(marks: Iterable[Marks]) -> Summary:
    """Averages every figure over cases, then over seeds.

    Intervals say how sure the mean over these cases is, were all trained again with other seeds. They say nothing of
    other series.
    """
    return {
        name: {figure: mean(list(values.values())) for figure in FIGURES if (values := by_seed(group, figure))}
        for name, group in grouped(marks).items()
    }


def gain(one: Iterable[Marks], other: Iterable[Marks], figure: str) -> Mean:
    """Returns the mean of one entrant's figure minus another's, paired by seed."""
    first, second = by_seed(one, figure), by_seed(other, figure)
    return mean([first[seed] - second[seed] for seed in first if seed in second])
