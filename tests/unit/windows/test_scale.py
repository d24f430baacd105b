"""The row scaler's rules, its inverse, and the views a window takes of itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from detector.windows.scale import RowScaler, ScalerConfig, center, filled, standardise

NAN = np.nan


def fitted(*columns: list[float], robust: bool = False) -> RowScaler:
    return ScalerConfig(robust=robust).fit(np.array(columns).T)


def test_standardises_by_training_mean_and_deviation() -> None:
    training = np.random.default_rng(0).normal(7, 3, (500, 2))
    scaled = ScalerConfig().fit(training).transform(training)
    assert scaled.dtype == np.float32
    inside = np.abs(scaled) <= 5
    expected = (training - training.mean(0)) / training.std(0)
    np.testing.assert_allclose(scaled[inside], expected[inside], rtol=1e-5, atol=1e-6)


def test_bends_beyond_five_deviations_and_keeps_the_sign() -> None:
    scaler = fitted([-1.0, 0.0, 1.0, 0.0])
    deviation = np.sqrt(0.5)
    scaled = scaler.transform(np.array([[5 * deviation], [-5 * deviation], [105 * deviation], [-105 * deviation]]))
    np.testing.assert_allclose(scaled[:, 0], [5, -5, 5 + np.log1p(100), -5 - np.log1p(100)], rtol=1e-6)


def test_constant_channel_is_zero_until_it_moves() -> None:
    scaled = fitted([4.0, 4.0, NAN, 4.0]).transform(np.array([[4.0], [5.0], [1.0]]))
    np.testing.assert_allclose(scaled[:, 0], [0, 3 + np.log(2), -3 - np.log(4)], rtol=1e-6)


def test_two_valued_channel_gets_half_its_range() -> None:
    rare = fitted([0.0] * 999 + [2.0])
    assert rare.deviation[0] == 1.0
    assert fitted([0.0] * 998 + [2.0, 3.0]).deviation[0] < 0.2


def test_robust_ignores_outliers_and_survives_a_zero_quartile_range() -> None:
    scaler = fitted([*np.linspace(-1, 1, 101), 1e6], [0.0] * 100 + [1.0, 2.0], robust=True)
    assert abs(scaler.mean[0]) < 0.02
    assert 0.7 < scaler.deviation[0] < 0.8
    assert scaler.deviation[1] > 0


def test_masked_and_infinite_values_come_out_masked_and_do_not_disturb_the_fit() -> None:
    scaler = fitted([1.0, 3.0, NAN, np.inf, 2.0], [NAN] * 5)
    assert scaler.mean[0] == 2.0
    assert scaler.mean[1] == scaler.deviation[1] == scaler.fill[1] == 0
    np.testing.assert_array_equal(
        np.isnan(scaler.transform(np.array([[NAN, 0.0], [np.inf, -np.inf]]))), [[1, 0], [1, 1]]
    )


def test_fill_is_the_scaled_median() -> None:
    values = [0.0, 1.0, 2.0, 50.0]
    scaler = fitted(values)
    np.testing.assert_array_equal(scaler.fill, scaler.transform(np.array([[1.5]]))[0])


@given(arrays(np.float64, (6, 3), elements=st.floats(-1e6, 1e6)))
def test_inverse_undoes_the_transform(values: np.ndarray) -> None:
    scaler = fitted([0.0, 1.0, 5.0, 9.0], [2.0] * 4, [0.0, 1.0, 1.0, 1.0])
    back = scaler.inverse(scaler.transform(values))
    # float32 keeps 24 bits of a number that then passes an exponential.
    np.testing.assert_allclose(back, values, rtol=3e-5, atol=3e-5)


def test_inverse_keeps_the_mask() -> None:
    assert np.isnan(fitted([0.0, 1.0, 3.0]).inverse(np.array([[NAN]], np.float32)))


def test_tensors_describe_the_scaler_completely() -> None:
    scaler = fitted([0.0, 1.0, 5.0], [2.0, 2.0, 2.0])
    again = RowScaler.from_tensors(scaler.tensors())
    values = np.array([[3.0, 7.0], [NAN, 2.0]])
    np.testing.assert_array_equal(again.transform(values), scaler.transform(values))


def test_rows_have_the_same_bits_alone_and_in_company() -> None:
    values = np.random.default_rng(1).normal(0, 20, (257, 5))
    scaler = ScalerConfig().fit(values / 9)
    together = scaler.transform(values)
    alone = np.concatenate([scaler.transform(row[None]) for row in values])
    assert together.tobytes() == alone.tobytes()


def test_own_views_leave_masked_elements_out() -> None:
    windows = np.array([[[1.0, NAN], [NAN, NAN], [3.0, NAN]]], np.float32)
    np.testing.assert_array_equal(center(windows), [[[-1, NAN], [NAN, NAN], [1, NAN]]])
    np.testing.assert_array_equal(standardise(windows), [[[-1, NAN], [NAN, NAN], [1, NAN]]])


def test_standardise_does_not_blow_up_a_flat_window() -> None:
    flat = np.full((1, 8, 1), 2.0, np.float32)
    flat[0, 0] += 0.01
    assert np.abs(standardise(flat)).max() < 0.2


@pytest.mark.parametrize("view", [center, standardise])
def test_views_of_a_window_do_not_depend_on_the_batch(view) -> None:  # type: ignore[no-untyped-def]
    windows = np.random.default_rng(2).normal(size=(33, 16, 3)).astype(np.float32)
    alone = np.concatenate([view(window[None]) for window in windows])
    assert view(windows).tobytes() == alone.tobytes()


def test_filled_repeats_the_last_value_and_starts_from_the_median() -> None:
    windows = np.array([[[NAN, 1.0], [5.0, NAN], [NAN, NAN]]], np.float32)
    values, observed = filled(windows, np.array([7, 8], np.float32))
    np.testing.assert_array_equal(values, [[[7, 1], [5, 1], [5, 1]]])
    np.testing.assert_array_equal(observed, [[[0, 1], [1, 0], [0, 0]]])


def test_filled_returns_whole_windows_untouched() -> None:
    windows = np.ones((2, 3, 1), np.float32)
    values, observed = filled(windows, np.zeros(1, np.float32))
    assert values is windows
    assert observed.all()


def test_on_a_logarithmic_scale_orders_of_magnitude_are_steps_of_one_size():
    sizes = 10.0 ** np.random.default_rng(0).uniform(0, 8, (4000, 1)) - 1
    scaler = ScalerConfig(logarithmic=True).fit(np.concatenate([sizes, -sizes], axis=1))
    steps = np.diff(scaler.transform(np.array([[1e2, -1e2], [1e4, -1e4], [1e6, -1e6]])), axis=0)
    np.testing.assert_allclose(steps[0], steps[1], rtol=0.02)
    np.testing.assert_allclose(steps[:, 0], -steps[:, 1])


def test_a_logarithmic_scale_can_be_undone_and_saved():
    values = np.random.default_rng(0).normal(size=(300, 2)) * [1e5, 1.0]
    values[5, 1] = np.nan
    scaler = ScalerConfig(logarithmic=True).fit(values)
    np.testing.assert_allclose(scaler.inverse(scaler.transform(values)), values, rtol=1e-4, atol=1e-4)
    again = RowScaler.from_tensors(scaler.tensors())
    np.testing.assert_array_equal(again.transform(values), scaler.transform(values))
    assert "logarithmic" not in ScalerConfig().fit(values).tensors()
