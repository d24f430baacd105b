"""Noise taken away, in decibels."""

import numpy as np
import pytest

from detector.evaluation.denoising import denoising_gain_db

SIGNAL = np.sin(np.arange(4000, dtype=np.float32)).reshape(100, 20, 2)


def test_no_change_is_no_gain_and_half_of_the_noise_is_six_decibels() -> None:
    assert denoising_gain_db(lambda x: x, SIGNAL, 0.5, seed=0) == pytest.approx(0, abs=1e-5)
    assert denoising_gain_db(lambda x: (x + SIGNAL) / 2, SIGNAL, 0.5, seed=0) == pytest.approx(6.02, abs=0.01)


def test_a_model_that_answers_nothing_at_all_loses_the_signal() -> None:
    power = float(np.square(SIGNAL).mean())
    assert denoising_gain_db(np.zeros_like, SIGNAL, 0.5, seed=0) == pytest.approx(10 * np.log10(0.25 / power), abs=0.2)


def test_the_noise_has_the_stated_deviation_not_the_stated_variance() -> None:
    seen = []
    denoising_gain_db(lambda x: seen.append(x) or x, SIGNAL, 0.5, seed=0)
    assert float((seen[0] - SIGNAL).std()) == pytest.approx(0.5, rel=0.05)
