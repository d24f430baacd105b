"""Means, intervals, pairs and orderings, on numbers that can be worked out by hand."""

import numpy as np
import pytest

from pipelines.bakeoff.marks import Marks
from pipelines.bakeoff.orderings import CLAIMS, findings
from pipelines.bakeoff.summary import by_seed, gain, mean, summary


def _marks(entrant: str, values: dict[tuple[str, int], float], figure: str = "auc_roc") -> list[Marks]:
    return [Marks(entrant, case, seed, {figure: value}) for (case, seed), value in values.items()]


def test_the_interval_is_students() -> None:
    found = mean([1.0, 2.0, 3.0])
    assert found.value == 2
    assert found.high - found.value == pytest.approx(4.302653 / np.sqrt(3))
    assert found.value - found.low == pytest.approx(found.high - found.value)


def test_one_value_has_no_interval_and_none_has_no_mean() -> None:
    assert mean([4.0]).value == 4
    assert np.isnan(mean([4.0]).low)
    assert np.isnan(mean([np.nan]).value)


def test_about_one_interval_in_twenty_misses_the_mean() -> None:
    rng = np.random.default_rng(0)
    held = [found.low < 0 < found.high for found in (mean(rng.normal(size=5)) for _ in range(4000))]
    assert np.mean(held) == pytest.approx(0.95, abs=0.012)


def test_cases_are_averaged_within_a_seed_before_seeds_are_counted() -> None:
    marks = _marks("a", {("x", 0): 0.2, ("y", 0): 0.4, ("x", 1): 0.6, ("y", 1): 0.8})
    assert by_seed(marks, "auc_roc") == pytest.approx({0: 0.3, 1: 0.7})
    assert summary(marks)["a"]["auc_roc"].value == pytest.approx(0.5)


def test_a_gain_is_paired_so_what_all_entrants_share_drops_out() -> None:
    hard = {("x", seed): float(seed) for seed in range(5)}
    easier = {key: value + 1 + 0.01 * (key[1] % 2) for key, value in hard.items()}
    found = gain(_marks("a", easier), _marks("b", hard), "auc_roc")
    assert found.value == pytest.approx(1.004)
    assert found.high - found.low < 0.02


def test_an_entrant_that_failed_once_is_in_no_mean() -> None:
    marks = [
        *_marks("a", {("x", 0): 1.0}),
        Marks("a", "x", 1, failure="the loss became nan"),
        *_marks("b", {("x", 0): 1.0}),
    ]
    assert list(summary(marks)) == ["b"]


@pytest.mark.parametrize("ahead, verdict", [(0.3, "holds"), (-0.3, "is reversed"), (0.0, "is open")])
def test_an_ordering_holds_only_where_the_interval_leaves_no_doubt(ahead: float, verdict: str) -> None:
    noise = np.random.default_rng(0).normal(0, 0.01, 6)
    marks = _marks("deep-dense", {("x", s): 0.5 + ahead + noise[s] for s in range(6)})
    marks += _marks("shallow-dense", {("x", s): 0.5 + noise[5 - s] for s in range(6)})
    (found,) = findings(marks, ["dense", "lstm"])
    assert found.claim is CLAIMS[0]
    assert found.verdict == verdict


def test_less_is_ahead_where_less_is_better() -> None:
    marks = _marks("denoising-dense", {("x", s): 0.1 + 0.001 * s for s in range(4)}, "imputation_mse")
    marks += _marks("deep-dense", {("x", s): 0.4 for s in range(4)}, "imputation_mse")
    found = next(one for one in findings(marks, ["dense"]) if one.claim.figure == "imputation_mse")
    assert found.gain.value == pytest.approx(0.2985)
    assert found.verdict == "holds"
