"""The subspace against a singular value decomposition, and windows picked evenly."""

import numpy as np
import pytest
from kinds import FILL, rows

from detector.members.base import BLOCK, pad, spread
from detector.members.subspace import fit_subspace


@pytest.mark.parametrize("shape", [(80, 12), (10, 40)])
def test_against_a_singular_value_decomposition(shape):
    data = np.random.default_rng(0).normal(size=shape).astype(np.float32) * np.linspace(3, 0.1, shape[1])
    mean, basis = fit_subspace(data.astype(np.float32), dimensions=5)
    axes = np.linalg.svd(data - data.mean(axis=0), full_matrices=False)[2][:5]
    np.testing.assert_allclose(mean, data.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(basis @ basis.T, axes.T @ axes, atol=1e-4)


def test_keeps_the_fewest_components_that_hold_the_share():
    data = np.random.default_rng(1).normal(size=(2000, 4)) * np.sqrt([70, 20, 9, 1])
    widths = [fit_subspace(data.astype(np.float32), variance_ratio=r)[1].shape[1] for r in (0.5, 0.8, 0.95, 0.999)]
    assert widths == [1, 2, 3, 4]


def test_constant_data_gives_one_direction():
    mean, basis = fit_subspace(np.full((30, 6), 2, np.float32), variance_ratio=0.9)
    assert basis.shape == (6, 1)
    assert np.isfinite(basis).all()
    assert (mean == 2).all()


def test_windows_are_picked_over_all_runs_in_order():
    runs = [rows(50, 0), rows(5, 1), rows(30, 2)]
    whole = spread(runs, 10, 1000)
    np.testing.assert_array_equal(whole, np.concatenate([runs[0].windows(10), runs[2].windows(10)]))
    few = spread(runs, 10, 7)
    assert len(few) == 7
    np.testing.assert_array_equal(few[[0, -1]], whole[[0, -1]])


def test_masked_values_are_filled():
    run = rows(20, 0)
    run.values[:4, 0] = np.nan
    run.values[10, 1] = np.nan
    found = spread([run], 8, 100)
    assert np.isfinite(found).all()
    assert (found[0, :4, 0] == FILL[0]).all()


@pytest.mark.parametrize("count", [1, 64, 65])
def test_padding_repeats_the_last_row(count):
    given = np.arange(2 * count).reshape(count, 2)
    padded = pad(given)
    assert len(padded) % BLOCK == 0
    np.testing.assert_array_equal(padded[:count], given)
    assert (padded[count:] == given[-1]).all()
