"""Made-up windows beside real ones, where the answer is known."""

import numpy as np
import pytest

from detector.evaluation.synthetic import autocorrelation_distance, discriminative_score, spectrum_distance

STEP = np.arange(32)


def _noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(400, 32, 2)).astype(np.float32)


def _wave(cycles: int) -> np.ndarray:
    phase = np.random.default_rng(cycles).uniform(0, 2 * np.pi, (400, 1, 2))
    return np.sin(2 * np.pi * cycles * STEP[:, None] / 32 + phase).astype(np.float32)


def test_nobody_can_tell_two_samples_of_one_distribution_and_anybody_two_far_apart() -> None:
    assert discriminative_score(_noise(0), _noise(1), 0.1, seed=0) < 0.08
    assert discriminative_score(_noise(0), _noise(1) + 3, 0.1, seed=0) > 0.49


def test_values_that_repeat_exactly_do_not_give_a_good_model_away() -> None:
    clipped, near = np.maximum(_noise(0), 0), np.maximum(_noise(1), 0) + 1e-3
    assert discriminative_score(clipped, near, 0.0, seed=0) > 0.25
    assert discriminative_score(clipped, near, 0.3, seed=0) < 0.08


def test_equal_windows_are_at_distance_nought() -> None:
    assert autocorrelation_distance(_noise(0), _noise(0)) == 0
    assert spectrum_distance(_noise(0), _noise(0)) == 0


def test_levels_that_stay_are_one_apart_from_white_noise() -> None:
    """The autocorrelation of a constant is 1 at every lag, that of noise 0."""
    levels = np.broadcast_to(_noise(3)[:, :1], (400, 32, 2))
    assert autocorrelation_distance(_noise(0), levels) == pytest.approx(1, abs=0.03)


def test_waves_of_different_frequency_share_no_power_and_size_does_not_count() -> None:
    assert spectrum_distance(_wave(3), _wave(9)) == pytest.approx(1, abs=1e-3)
    assert spectrum_distance(_wave(3), 5 * _wave(3)) == pytest.approx(0, abs=1e-6)
    assert autocorrelation_distance(_wave(3), 5 * _wave(3)) == pytest.approx(0, abs=1e-6)


def test_a_channel_that_never_moves_has_no_power_to_compare() -> None:
    still = np.zeros((10, 32, 2), np.float32)
    assert spectrum_distance(still, still) == 0
    assert spectrum_distance(_noise(0), still) == pytest.approx(0.5)
    assert autocorrelation_distance(still, still) == 0
