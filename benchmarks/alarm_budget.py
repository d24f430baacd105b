"""Realised over budgeted alarms of every calibration on simulated scores: median and 90th percentile of many series.

python -m benchmarks.alarm_budget [series]
"""

import sys
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from detector.calibration.base import Calibration
from detector.calibration.block_max import BlockMaxCalibration
from detector.calibration.pot import PotCalibration
from detector.calibration.quantile import QuantileCalibration
from detector.calibration.robust_z import RobustZCalibration
from detector.evaluation.alarms import count_alarms

GAP_ROWS = 16
Simulation = Callable[[np.random.Generator, int, int], NDArray[np.float64]]


def stationary(rng: np.random.Generator, held_out_rows: int, rows: int) -> NDArray[np.float64]:
    """Gaussian AR(0.95), standard deviation 1, around 5."""
    return lfilter([1], [1, -0.95], rng.normal(size=rows + 500))[500:] * np.sqrt(1 - 0.95**2) + 5


def skewed(rng: np.random.Generator, held_out_rows: int, rows: int) -> NDArray[np.float64]:
    """Log-normal: the shape that reconstruction errors have."""
    return np.exp((stationary(rng, held_out_rows, rows) - 5) * 0.5)


def drifting(rng: np.random.Generator, held_out_rows: int, rows: int) -> NDArray[np.float64]:
    """AR(0.95) on a random walk."""
    walk = np.cumsum(rng.normal(size=rows)) * 0.002
    return stationary(rng, held_out_rows, rows) + walk - walk.min()


def contaminated(rng: np.random.Generator, held_out_rows: int, rows: int) -> NDArray[np.float64]:
    """AR(0.95) with one anomaly of 100 rows in the held-out part."""
    scores = stationary(rng, held_out_rows, rows)
    scores[held_out_rows // 3 : held_out_rows // 3 + 100] += 8
    return scores


def measure(method: Calibration, simulate: Simulation, budget: float, held_out_rows: int, series: int) -> list[float]:
    """Realised over budgeted alarms of every simulated series."""
    ratios = []
    for seed in range(series):
        scores = simulate(np.random.default_rng(seed), held_out_rows, held_out_rows + 100_000)
        limit = method.fit(scores[:held_out_rows]).limit
        ratios.append(count_alarms(scores[held_out_rows:] / limit, GAP_ROWS).realised_ratio(budget))
    return ratios


def main() -> None:
    """Prints one table per budget and length of the held-out part."""
    series = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    simulations: tuple[Simulation, ...] = (stationary, skewed, drifting, contaminated)
    for held_out_rows, per_10k in ((6_000, 5.0), (6_000, 1.0), (2_000, 1.0)):
        methods: dict[str, Calibration] = {
            "robust z 6": RobustZCalibration(),
            "quantile": QuantileCalibration(alarm_share=per_10k / 10_000),
            "block maximum": BlockMaxCalibration(alarms_per_10k_rows=per_10k, gap_rows=GAP_ROWS),
            "pot (default)": PotCalibration(alarms_per_10k_rows=per_10k, gap_rows=GAP_ROWS),
        }
        print(f"\n{held_out_rows} held-out rows, {per_10k:g} alarms per 10,000 rows: realised / budgeted, median (90%)")
        print(f"{'':14}" + "".join(f"{simulate.__name__:>15}" for simulate in simulations))
        for name, method in methods.items():
            cells = [measure(method, s, per_10k / 10_000, held_out_rows, series) for s in simulations]
            print(f"{name:14}" + "".join(f"{np.median(c):9.1f} ({np.quantile(c, 0.9):.1f})" for c in cells))


if __name__ == "__main__":
    main()
