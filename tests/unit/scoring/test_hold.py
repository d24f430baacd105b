"""Values held between looks, against a plain loop."""

import numpy as np
import pytest

from detector.scoring.hold import Hold, due

NEUTRAL = np.array([0.5, 2.0], np.float32)


def plain(series, filled, values, fresh, neutral):
    """One dictionary entry per series and output."""
    state, out = {}, values.copy()
    for i, s in enumerate(series):
        for k in range(values.shape[1]):
            if filled[i] == 1:
                state[s, k] = neutral[k]
            if fresh[i]:
                state[s, k] = values[i, k]
            out[i, k] = state.get((s, k), neutral[k])
    return out


@pytest.mark.parametrize("cuts", [[], [1], [7, 8, 40], list(range(1, 120))])
def test_against_a_plain_loop(cuts):
    rng = np.random.default_rng(1)
    series = rng.integers(0, 9, 120).astype(np.int32)
    filled = np.where(rng.random(120) < 0.1, 1, 5).astype(np.int32)
    values = rng.random((120, 2)).astype(np.float32)
    fresh = rng.random(120) < 0.3
    expected = plain(series, filled, values, fresh, NEUTRAL)
    hold = Hold(NEUTRAL, capacity=2)
    pieces = zip(*(np.split(x, cuts) for x in (series, filled, values.copy(), fresh)), strict=True)
    np.testing.assert_array_equal(np.concatenate([hold.push(*piece) for piece in pieces]), expected)


def test_due_at_the_first_row_of_every_stride():
    cell = np.array([5, 6, 8, 9, 15, 16, 40])
    previous = np.array([-1, 5, 6, 8, 9, 15, 16])
    assert due(cell, previous, 4).tolist() == [True, False, True, False, True, True, True]
    assert due(cell, previous, 1).all()


def test_no_value_is_held_for_more_than_a_stride_of_rows():
    rng = np.random.default_rng(2)
    cell = np.cumsum(rng.choice([0, 0, 1, 1, 3], 2000))
    looks = np.flatnonzero(due(cell, np.append(-1, cell[:-1]), 4))
    assert np.diff(looks).max() <= 4
