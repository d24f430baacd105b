import numpy as np
import pytest

from detector.evaluation.inject import KINDS, inject

PLACE = slice(20, 60)
SIZE = np.ones(3)


def pieces(channels: int = 3) -> np.ndarray:
    t = np.arange(100)
    rng = np.random.default_rng(1)
    waves = np.stack([np.sin(t / (4 + c)) for c in range(channels)], axis=1)
    return np.stack([waves + 0.05 * rng.standard_normal(waves.shape) for _ in range(6)])


@pytest.mark.parametrize("kind", KINDS)
def test_changes_the_place_and_nothing_else(kind: str) -> None:
    normal = pieces()
    found = inject(normal, kind, PLACE, SIZE, seed=0)
    differs = (found.values != normal).any(axis=2)
    assert differs.any(axis=1).all()
    assert not differs[~found.labels].any()
    assert not found.labels[:, :20].any()
    assert not found.labels[:, 60:].any()
    rows = KINDS[kind].rows or 40
    assert (found.labels.sum(axis=1) == rows).all()


@pytest.mark.parametrize("kind", KINDS)
def test_repeats_and_hangs_on_the_seed(kind: str) -> None:
    one, two, other = (inject(pieces(), kind, PLACE, SIZE, seed).values for seed in (0, 0, 1))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_masked_stays_masked(kind: str) -> None:
    normal = pieces()
    normal[:, 30:40, 0] = np.nan
    normal[1] = np.nan
    found = inject(normal, kind, PLACE, SIZE, seed=0)
    assert np.isnan(found.values).sum() == pytest.approx(np.isnan(normal).sum(), abs=15)
    assert not found.labels[1].any()


@pytest.mark.parametrize("kind", ["swapped_channels", "broken_correlation"])
def test_relations_need_two_channels(kind: str) -> None:
    normal = pieces(channels=1)
    found = inject(normal, kind, PLACE, SIZE[:1], seed=0)
    assert np.array_equal(found.values, normal)
    assert not found.labels.any()


def test_a_stuck_constant_is_no_anomaly_but_a_moving_one_is() -> None:
    constant = np.full((4, 100, 1), 7.0)
    assert not inject(constant, "flat_line", PLACE, np.zeros(1), seed=0).labels.any()
    assert inject(constant, "level_shift", PLACE, np.zeros(1), seed=0).labels.any(axis=1).all()


def test_each_kind_does_what_its_name_says() -> None:
    normal = pieces()

    def changed(kind: str) -> tuple[np.ndarray, np.ndarray]:
        found = inject(normal, kind, PLACE, SIZE, seed=3).values[0, PLACE]
        channel = int((found != normal[0, PLACE]).any(axis=0).argmax())
        return found[:, channel], normal[0, PLACE, channel]

    after, before = changed("spike")
    assert 4 <= np.abs(after - before).max() <= 8
    assert (after != before).sum() == 1
    after, before = changed("level_shift")
    assert np.ptp(after - before) == pytest.approx(0)
    after, before = changed("drift")
    assert np.ptp(np.diff(after - before)) == pytest.approx(0)
    assert np.ptp(changed("flat_line")[0]) == 0
    after, before = changed("noise_burst")
    assert 1 < np.std(after - before) < 3
    after, before = changed("time_warp")
    assert (after[0], after[-1]) == pytest.approx((before[0], before[-1]))
    assert np.isin(changed("swapped_channels")[0], normal[0, PLACE]).all()
    after, before = changed("broken_correlation")
    assert np.array_equal(after[::-1], before)
    after, before = changed("missing_pulse")
    assert np.ptp(after) < 0.8 * np.ptp(before)
