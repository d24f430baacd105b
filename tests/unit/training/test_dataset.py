import numpy as np
import pytest

from detector.models.backbones.base import Shape
from detector.training.dataset import Windows

ROWS = np.arange(40, dtype=np.float32).reshape(20, 2)


def test_windows_stay_within_their_run():
    windows = Windows(ROWS, length=4, stride=2, run_starts=np.array([0, 7, 9]))
    assert windows.starts.tolist() == [0, 2, 9, 11, 13, 15]
    x, observed = windows.gather(np.array([2]))
    assert np.array_equal(x[0].numpy(), ROWS[9:13])
    assert observed.all()
    assert windows.shape == Shape(4, 2)


def test_rows_are_not_copied():
    windows = Windows(ROWS, length=4)
    assert np.shares_memory(windows._rows, ROWS)


@pytest.mark.parametrize("junk", [np.nan, 1e9])
def test_masked_elements_repeat_the_last_observed_one_or_the_fill(junk):
    rows, observed = ROWS.copy(), np.ones(ROWS.shape, bool)
    rows[[0, 2], 0] = junk
    observed[[0, 2], 0] = False
    x, seen = Windows(rows, observed, length=4, fill=np.array([-1, -2])).gather(np.array([0]))
    assert x[0, :, 0].tolist() == [-1, 2, 2, 6]
    assert seen[0, :, 0].tolist() == [False, True, False, True]
    assert seen[0, :, 1].all()


def test_centred_windows_have_mean_zero_over_what_was_observed():
    rows = ROWS.copy()
    rows[1, 0] = np.nan
    x, seen = Windows(rows, length=4, centre=True).gather(np.arange(5))
    assert np.abs((x * seen).sum(1).numpy()).max() < 1e-5
    assert x[2, :, 1].tolist() == [-3, -1, 1, 3]


def test_conditions_are_further_columns_that_nobody_masks():
    windows = Windows(ROWS, length=4, conditions=np.full((20, 1), 7), centre=True)
    x, observed = windows.gather(np.array([0, 5]))
    assert windows.shape == Shape(4, 2, conditions=1)
    assert (x.shape, observed.shape) == ((2, 4, 3), (2, 4, 2))
    assert (x[..., 2] == 7).all()


def test_a_split_by_time_shares_no_row():
    older, newer = Windows(ROWS, length=4).split(0.25)
    assert len(newer) == 4
    assert older.starts[-1] + 4 <= newer.starts[0]
    assert older.shape == newer.shape


def test_windows_spread_over_time_without_repetition():
    windows = Windows(np.zeros((1000, 1), np.float32), length=4)
    for most in (1, 10, 997, 5000):
        picks = windows.spread(most)
        assert len(set(picks.tolist())) == len(picks) == min(most, 997)
    assert sum(len(batch.x) for batch in windows.batches(100, size=32)) == 100
    assert list(Windows(ROWS[:3], length=4).batches(10)) == []
