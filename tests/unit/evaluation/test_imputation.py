"""Gaps: what is hidden, and the error of what is put there."""

import numpy as np
import pytest

from detector.evaluation.imputation import holes, imputation_error

RAMP = np.tile(np.arange(8, dtype=np.float32)[None, :, None], (3, 1, 2))


def test_a_quarter_of_one_channel_is_hidden_and_never_the_first_row() -> None:
    hidden = holes((500, 8, 3), seed=1)
    assert (hidden.sum(axis=(1, 2)) == 2).all()
    assert (hidden.any(axis=1).sum(axis=1) == 1).all()
    assert not hidden[:, 0].any()
    assert hidden[:, 1:].any(axis=(0, 2)).all(), "every other row has its turn"
    assert hidden.any(axis=(0, 1)).all(), "and every channel"
    assert np.array_equal(hidden, holes((500, 8, 3), seed=1))
    assert not np.array_equal(hidden, holes((500, 8, 3), seed=2))


def test_a_model_that_changes_nothing_has_the_error_of_holding_the_last_value() -> None:
    hidden = np.zeros(RAMP.shape, bool)
    hidden[:, 3:5, 0] = True  # holding 2 where 3 and 4 belong
    assert imputation_error(lambda x: x, RAMP, hidden, np.zeros(2)) == pytest.approx((1 + 4) / 2)


def test_a_model_that_knows_the_windows_has_no_error_and_observed_elements_are_never_changed() -> None:
    hidden = holes(RAMP.shape, seed=0)
    assert imputation_error(lambda x: RAMP, RAMP, hidden, np.zeros(2)) == 0
    seen = []

    def wrong(windows: np.ndarray) -> np.ndarray:
        seen.append(windows.copy())
        return windows + 100

    imputation_error(wrong, RAMP, hidden, np.zeros(2), rounds=3)
    assert len(seen) == 3
    assert all(np.array_equal(windows[~hidden], RAMP[~hidden]) for windows in seen)


def test_every_round_goes_on_from_the_one_before() -> None:
    hidden = np.zeros((1, 2, 1), bool)
    hidden[0, 1] = True
    windows = np.zeros((1, 2, 1), np.float32)

    def half(x: np.ndarray) -> np.ndarray:
        return x / 2 + 0.5  # comes nearer to 1 by a half each time

    errors = [imputation_error(half, windows, hidden, np.zeros(1), rounds) for rounds in (1, 2, 3)]
    assert errors == pytest.approx([0.25, 0.5625, 0.765625])
