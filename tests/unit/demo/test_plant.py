import numpy as np
import pytest

from pipelines.demo.faults import KINDS, inject
from pipelines.demo.plant import CHANNELS, PlantConfig, simulate

CONFIG = PlantConfig(history_days=2, live_days=2)
FLOW, PRESSURE, CURRENT = 0, 1, 3


@pytest.fixture(scope="module")
def healthy() -> np.ndarray:
    return simulate(CONFIG, np.random.default_rng(3))


def test_the_same_seed_gives_the_same_plant(healthy: np.ndarray) -> None:
    assert np.array_equal(simulate(CONFIG, np.random.default_rng(3)), healthy)
    assert not np.array_equal(simulate(CONFIG, np.random.default_rng(4)), healthy)


def test_a_healthy_plant_is_complete_and_within_physical_bounds(healthy: np.ndarray) -> None:
    assert healthy.shape == (CONFIG.pumps, CONFIG.rows, len(CHANNELS))
    assert np.isfinite(healthy).all()
    assert (healthy > 0).all()


def test_channels_of_a_pump_are_coupled_and_pumps_differ(healthy: np.ndarray) -> None:
    coupling = np.corrcoef(healthy[0].T)
    assert coupling[FLOW, PRESSURE] > 0.9
    assert coupling[FLOW, CURRENT] > 0.9
    assert np.abs(healthy[0] - healthy[1]).mean() > 0.1


def test_the_days_have_a_rhythm(healthy: np.ndarray) -> None:
    flow = healthy[:, : 2 * CONFIG.rows_per_day, FLOW].mean(axis=0).reshape(2, -1)
    assert np.corrcoef(flow)[0, 1] > 0.8
    assert flow[0, 7 * 60] > 1.2 * flow[0, 2 * 60]


@pytest.mark.parametrize("seed", range(5))
def test_ten_pumps_break_once_each_while_the_stream_runs_and_nothing_else_changes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = simulate(CONFIG, rng)
    clean, times = values.copy(), CONFIG.times()
    faults = inject(values, times, CONFIG, rng)

    assert sorted(fault.kind for fault in faults) == sorted([*KINDS, *KINDS])
    assert len({fault.series for fault in faults}) == len(faults)
    untouched = values == clean
    for fault in faults:
        within = (times >= fault.start_ns) & (times <= fault.end_ns)
        assert times[CONFIG.history_rows] <= fault.start_ns < fault.end_ns <= times[-1]
        pump = CONFIG.names.index(fault.series)
        assert not untouched[pump, within].all()
        untouched[pump, within] = True
    assert untouched.all()
