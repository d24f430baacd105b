"""What the space of codes is like: who stays whose neighbour, and what lies between two windows."""

import numpy as np
from scipy.spatial import cKDTree

from detector.types import Floats

NEIGHBOURS = 15


def trustworthiness(windows: Floats, codes: Floats, neighbours: int = NEIGHBOURS) -> float:
    """Whether neighbours among codes are neighbours among windows: 1 where all are, about 0.5 by chance.

    Needs scikit-learn.

    Args:
        windows: [N, T, F].
        codes: [N, D].
        neighbours: k.

    Returns:
        At most 1; NaN with fewer than 2 k + 1 windows, for which it is not defined.

    Paper: Venna & Kaski 2001, "Neighborhood preservation in nonlinear projection methods", equation 1.
    """
    from sklearn.manifold import trustworthiness as measured

    if len(windows) <= 2 * neighbours:
        return float("nan")
    return float(measured(windows.reshape(len(windows), -1), codes, n_neighbors=neighbours))


def midpoint_ratio(midpoints: Floats, real: Floats) -> float:
    """Mean distance of decoded midpoints to the nearest real window, over that between real windows.

    About 1 is ideal. Above it the way between two windows leads away from real ones; far below it, it clings to one.

    Args:
        midpoints: [M, T, F], decoded from the middle between the codes of two windows each.
        real: [N, T, F], N >= 2, not all equal.
    """
    tree = cKDTree(real.reshape(len(real), -1))
    away = tree.query(midpoints.reshape(len(midpoints), -1))[0].mean()
    among = tree.query(tree.data, k=2)[0][:, 1].mean()
    return float(away / among)


def pairs(count: int, most: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draws ``most`` pairs of different numbers below ``count``, which is at least 2.

    Returns:
        First and second of every pair, [most] each.
    """
    rng = np.random.default_rng(seed)
    first = rng.integers(count, size=most)
    return first, (first + rng.integers(1, count, size=most)) % count
