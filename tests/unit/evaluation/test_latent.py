"""Codes as a space: neighbours and midpoints."""

import numpy as np
import pytest

from detector.evaluation.latent import midpoint_ratio, pairs, trustworthiness


def test_codes_that_keep_all_neighbours_are_trusted_and_random_ones_are_not() -> None:
    rng = np.random.default_rng(0)
    windows = rng.normal(size=(300, 4, 2))
    assert trustworthiness(windows, 7 * windows.reshape(300, -1)) == 1
    assert trustworthiness(windows, rng.normal(size=(300, 2))) == pytest.approx(0.5, abs=0.06)


def test_neighbours_cannot_be_judged_among_too_few_windows() -> None:
    windows = np.random.default_rng(0).normal(size=(30, 4, 2))
    assert np.isnan(trustworthiness(windows, windows.reshape(30, -1)))


def test_midpoints_on_the_way_of_real_windows_are_as_near_as_these_are_to_each_other() -> None:
    real = np.arange(10, dtype=float)[:, None, None]
    assert midpoint_ratio(real[:-1] + 0.5, real) == pytest.approx(0.5)
    assert midpoint_ratio(real[:-1], real) == 0
    assert midpoint_ratio(np.array([[[12.0]]]), real) == pytest.approx(3)
    rng = np.random.default_rng(0)
    assert midpoint_ratio(rng.normal(size=(500, 3, 2)), rng.normal(size=(500, 3, 2))) == pytest.approx(1, abs=0.05)


def test_pairs_are_of_different_windows_and_reach_all() -> None:
    first, second = pairs(7, 2000, seed=0)
    assert (first != second).all()
    assert set(first) == set(second) == set(range(7))
