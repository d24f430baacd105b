import numpy as np
import pytest

from detector.evaluation.drift import DriftConfig


def p_values(scores: np.ndarray, held_out: np.ndarray) -> np.ndarray:
    below = np.searchsorted(np.sort(held_out), scores, side="left")
    return (len(held_out) - below + 1) / (len(held_out) + 1)


def trigger(p: np.ndarray, held_out: np.ndarray, config: DriftConfig, seed: int) -> bool:
    bet = config.fit([held_out], window=1, seed=seed)
    bet.push(p)
    return bet.triggered


@pytest.mark.parametrize("delta", [0.05, 0.2])
@pytest.mark.parametrize("normal", [30, 500])
def test_false_triggers_keep_their_rate(delta: float, normal: int) -> None:
    rng, config, runs = np.random.default_rng(0), DriftConfig(delta=delta), 600
    found = 0
    for seed in range(runs):
        held_out, scores = rng.exponential(size=normal), rng.exponential(size=1500)
        found += trigger(p_values(scores, held_out), p_values(held_out, held_out), config, seed)
    spread = 3 * np.sqrt(delta * (1 - delta) / runs)
    assert found / runs <= delta + spread


@pytest.mark.parametrize("change", [lambda s: 2.5 * s, lambda s: 0.3 * s], ids=["scores rise", "scores fall"])
def test_a_change_triggers_soon(change) -> None:
    rng, config = np.random.default_rng(1), DriftConfig(delta=0.01)
    late = 0
    for seed in range(40):
        held_out, scores = rng.exponential(size=300), rng.exponential(size=500)
        scores[200:] = change(scores[200:])
        late += trigger(p_values(scores, held_out), p_values(held_out, held_out), config, seed)
    assert late >= 38


def test_the_bet_does_not_depend_on_how_polls_are_cut() -> None:
    rng = np.random.default_rng(2)
    held_out, p = rng.uniform(size=200), rng.uniform(0.01, 1, 1200) ** 2
    p[::7] = np.nan
    whole, parts = (DriftConfig().fit([held_out], window=10, seed=5) for _ in range(2))
    whole.push(p)
    for begin in range(0, 1200, 77):
        parts.push(p[begin : begin + 77])
    assert parts.log10_capital == pytest.approx(whole.log10_capital, abs=1e-9)
    assert whole._counts.sum() - whole._first.sum() == np.isfinite(p).sum()


def test_a_trigger_lasts_until_reset() -> None:
    held_out = np.linspace(0.01, 1, 100)
    bet = DriftConfig().fit([held_out], window=4)
    assert (bet.log10_capital, bet.triggered, bet.every) == (0.0, False, 4)
    bet.push(np.full(400, 0.01))
    assert bet.triggered
    assert bet.log10_capital > 2
    assert bet.ratio == pytest.approx(bet.log10_capital / 2), "the limit is a hundred"
    bet.push(np.tile(held_out, 10))
    assert bet.triggered
    bet.reset()
    assert (bet.log10_capital, bet.triggered) == (0.0, False)


def test_neighbours_are_thinned_in_the_held_out_rows_too() -> None:
    bet = DriftConfig().fit([np.full(100, 0.5), np.array([np.nan, 0.5])], window=10)
    assert bet._first.sum() == 10
    bet.push([])
    assert bet.log10_capital == 0.0
