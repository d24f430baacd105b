"""Scores that wait for the rows after them, against a plain loop."""

import numpy as np
import pytest

from detector.scoring.delay import Delay

SERIES, ROWS, CHANNELS = 3, 150, 2


@pytest.fixture(scope="module")
def stream():
    rng = np.random.default_rng(3)
    series = rng.integers(0, SERIES, ROWS).astype(np.int32)
    time_ns = np.arange(ROWS, dtype=np.int64)
    score = rng.random(ROWS)
    score[rng.random(ROWS) < 0.1] = np.nan
    contribution = rng.dirichlet(np.ones(CHANNELS), ROWS).astype(np.float32)
    contribution[::9] = 0
    warming, start = rng.random(ROWS) < 0.2, rng.random(ROWS) < 0.05
    return series, time_ns, score, contribution, warming, start


def plain(stream, delay):
    """Every row, averaged over itself and what follows it in its run: {(series, time): (score, shares, warming)}."""
    series, time_ns, score, contribution, warming, start = stream
    found = {}
    for one in range(SERIES):
        rows = np.flatnonzero(series == one)
        runs = np.split(rows, [i for i, row in enumerate(rows) if start[row] and i])
        for run in runs:
            for i, row in enumerate(run):
                ahead = [j for j in run[i : i + delay + 1] if not np.isnan(score[j])]
                mean = np.nan if np.isnan(score[row]) else np.mean(score[ahead])
                shares = sum((contribution[j] * score[j] for j in ahead), np.zeros(CHANNELS))
                total = shares.sum()
                found[one, time_ns[row]] = mean, shares / total if total > 0 else shares, warming[row]
    return found


def collected(settled):
    return {
        (s, t): (score, shares, warming)
        for one in settled
        for s, t, score, shares, warming in zip(
            one.series, one.time_ns, one.score, one.contribution, one.warming, strict=True
        )
    }


@pytest.mark.parametrize("cuts", [[], [40, 41, 100], list(range(1, ROWS))])
@pytest.mark.parametrize("delay", [1, 5, 16])
def test_against_a_plain_loop(stream, delay, cuts):
    stage = Delay(delay, CHANNELS, capacity=1)
    settled = [stage.push(*piece) for piece in zip(*(np.split(x, cuts) for x in stream), strict=True)]
    settled.append(stage.flush())
    found, expected = collected(settled), plain(stream, delay)
    assert sum(len(one.series) for one in settled) == ROWS
    assert found.keys() == expected.keys()
    for key, (score, shares, warming) in expected.items():
        assert found[key][0] == pytest.approx(score, nan_ok=True)
        np.testing.assert_allclose(found[key][1], shares, atol=1e-6)
        assert found[key][2] == warming


def test_without_delay_every_row_is_handed_through(stream):
    series, time_ns, score, contribution, warming, _ = stream
    stage = Delay(0, CHANNELS, 1)
    settled = stage.push(*stream)
    for mine, given in zip(settled, (series, time_ns, score, contribution, warming), strict=False):
        np.testing.assert_array_equal(mine, given)
    assert settled.trigger.tolist() == list(range(ROWS))
    assert not settled.back.any()
    assert not len(stage.flush().series)


def test_trigger_names_the_row_that_settled_another(stream):
    settled = Delay(4, CHANNELS, 1).push(*stream)
    by_row = settled.trigger >= 0
    series, time_ns = stream[0], stream[1]
    assert (settled.back[by_row] == 4).all()
    np.testing.assert_array_equal(series[settled.trigger[by_row]], settled.series[by_row])
    assert (time_ns[settled.trigger[by_row]] > settled.time_ns[by_row]).all()


def test_flushing_one_series_leaves_the_others_pending(stream):
    stage = Delay(6, CHANNELS, SERIES)
    stage.push(*stream)
    assert set(stage.flush(np.array([1, 99], np.int32)).series) == {1}
    assert set(stage.flush().series) == {0, 2}
    assert not len(stage.flush().series)
