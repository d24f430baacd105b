"""The linear subspace in which normal windows lie."""

import numpy as np

from detector.types import Floats

MANY_ROWS = 2000
"""Rows longer than this are learnt from at most this many of them: the Gram matrix grows with their square."""

FEW_RATIO = 8
"""From this many times fewer components than rows on, an iterative solver is faster than a whole decomposition."""


def fit_subspace(
    rows: Floats, dimensions: int | None = None, variance_ratio: float | None = None
) -> tuple[Floats, Floats]:
    """Fits principal components by the smaller of the two Gram matrices.

    Paper: Hotelling (1933), the classical definition; the leading eigenvectors of the covariance.

    Args:
        rows: [N, D] float32.
        dimensions: how many components to keep, at most N - 1 and D.
        variance_ratio: or: keep the fewest that hold this share of the variance.

    Returns:
        mean [D] and basis [D, k], both float32, k >= 1.
    """
    # Here, because members are served where nothing is fitted and scipy is not installed.
    from scipy import linalg
    from scipy.sparse.linalg import eigsh

    if rows.shape[1] > MANY_ROWS < len(rows):
        rows = rows[np.linspace(0, len(rows) - 1, MANY_ROWS).round().astype(int)]
    mean = rows.mean(axis=0, dtype=np.float64)
    centred = rows.astype(np.float64) - mean
    tall = len(rows) >= rows.shape[1]
    gram = centred.T @ centred if tall else centred @ centred.T
    if dimensions is not None and dimensions * FEW_RATIO < len(gram) and gram.any():
        energy, vectors = eigsh(gram, dimensions, v0=np.random.default_rng(0).normal(size=len(gram)))
    else:
        energy, vectors = linalg.eigh(gram, driver="evd")
    energy, vectors = np.maximum(energy[::-1], 0), vectors[:, ::-1]
    kept = max(1, int((energy > 1e-10 * energy[0]).sum()))
    if variance_ratio is not None and energy.sum() > 0:
        dimensions = int(np.searchsorted(np.cumsum(energy) / energy.sum(), variance_ratio) + 1)
    kept = min(kept, dimensions or kept)
    basis = vectors[:, :kept]
    if not tall:
        basis = centred.T @ basis / np.sqrt(np.maximum(energy[:kept], 1e-300))
    # The sign of an eigenvector is arbitrary: fix it, so that equal data gives equal bytes.
    signs = np.sign(basis[np.abs(basis).argmax(axis=0), np.arange(kept)])
    return mean.astype(np.float32), np.ascontiguousarray(basis * np.where(signs == 0, 1, signs), np.float32)
