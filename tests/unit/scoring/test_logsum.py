"""Log-sum over channels, and the error per channel it stands on."""

import math

import numpy as np
import pytest

from detector.scoring.error import channel_error, newest_error
from detector.scoring.logsum import LogSum
from detector.windows.gather import gathered


def test_terms_against_the_formula():
    errors = np.array([[0.0, 2.0], [1.0, 8.0]])
    found = LogSum(np.array([0.5, 4.0])).terms(errors)
    expected = [[0.0, math.log(1.5)], [math.log(3.0), math.log(3.0)]]
    np.testing.assert_allclose(found, expected)


def test_the_value_is_the_mean_of_the_terms():
    errors = np.random.default_rng(2).random((40, 9)).astype(np.float32)
    logsum = LogSum(np.linspace(0.1, 2, 9))
    values, terms = logsum.judged(errors)
    np.testing.assert_array_equal(terms, logsum.terms(errors).astype(np.float32))
    np.testing.assert_allclose(values, logsum.terms(errors).mean(axis=1, keepdims=True), rtol=1e-6)


def test_one_loud_channel_does_not_drown_a_quiet_one():
    terms = LogSum(np.ones(2)).terms(np.array([[1e6, 0.0], [1e6, 3.0]]))
    assert terms.sum(axis=1)[1] > 1.05 * terms.sum(axis=1)[0]


def test_a_channel_rebuilt_exactly_gets_a_scale_from_the_others():
    errors = np.stack([np.zeros(500), np.linspace(0, 2, 500)], axis=1)
    scale = LogSum.fit(errors).scale
    np.testing.assert_allclose(scale, [0.05 * 0.5, np.quantile(errors[:, 1], 0.99) + 0.05 * 0.5], rtol=1e-6)


def test_scale_is_positive_where_nothing_ever_errs():
    assert (LogSum.fit(np.zeros((10, 3))).scale > 0).all()


@pytest.mark.parametrize("last", [None, 4])
def test_channel_error_leaves_masked_steps_out(last):
    rng = np.random.default_rng(0)
    actual, expected = rng.normal(size=(2, 5, 12, 3)).astype(np.float32)
    observed = rng.random((5, 12, 3)) < 0.6
    observed[0, :, 1] = False
    found = channel_error(actual, expected, observed, last)
    for b in range(5):
        for f in range(3):
            steps = [t for t in range(12 - (last or 12), 12) if observed[b, t, f]]
            squares = [(float(actual[b, t, f]) - float(expected[b, t, f])) ** 2 for t in steps]
            assert found[b, f] == pytest.approx(sum(squares) / max(len(steps), 1), rel=1e-5)
    assert found[0, 1] == 0


@pytest.mark.parametrize("steps", [1, 8, 11])
def test_the_error_of_windows_in_one_array_has_the_same_bits_as_that_of_each(steps):
    rng = np.random.default_rng(steps)
    rows, end = rng.normal(size=(200, 3)).astype(np.float32), np.array([steps, 40, 41, 48, 200])
    expected = rng.normal(size=(5, steps, 3)).astype(np.float32)
    alone = channel_error(gathered(rows, end, steps), expected, None)
    np.testing.assert_array_equal(newest_error(rows, end, expected), alone)


@pytest.mark.parametrize("steps", [7, 11, 16, 52])
def test_a_window_without_gaps_has_the_same_bits_beside_one_with_gaps(steps):
    rng = np.random.default_rng(steps)
    actual, expected = rng.normal(size=(2, 64, steps, 3)).astype(np.float32)
    plain, masked = (channel_error(actual, expected, o) for o in (None, np.ones(actual.shape, bool)))
    assert plain.dtype == masked.dtype == np.float32
    np.testing.assert_array_equal(plain, masked)
