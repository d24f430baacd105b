"""Distance between two samples of codes."""

import torch
from torch import Tensor

_SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def mmd(one: Tensor, two: Tensor) -> Tensor:
    """Returns the unbiased squared maximum mean discrepancy of two samples, a scalar; about 0 for equal distributions.

    Paper: Gretton et al. 2012, eq. 3; inverse multiquadratic kernels of several scales as Tolstikhin et al. 2018.

    Args:
        one: [N, D], N >= 2.
        two: [M, D], M >= 2, meant to be standard normal: the kernels' scales go with 2 D.
    """
    n, m = len(one), len(two)
    within_one = (_kernel(one, one).sum() - n * len(_SCALES)) / (n * (n - 1))
    within_two = (_kernel(two, two).sum() - m * len(_SCALES)) / (m * (m - 1))
    return within_one + within_two - 2 * _kernel(one, two).mean()


def _kernel(one: Tensor, two: Tensor) -> Tensor:
    """Sum over scales of c / (c + ||a − b||²), [N, M]; every scale gives 1 on equal points."""
    # Not cdist: its root has no gradient where two codes are equal.
    squares = one.square().sum(1, keepdim=True) + two.square().sum(1) - 2 * one @ two.T
    distance = squares.clamp_min(0)
    if one is two:
        distance = distance * (1 - torch.eye(len(one), device=one.device))
    scales = [2 * one.shape[1] * scale for scale in _SCALES]
    return torch.stack([c / (c + distance) for c in scales]).sum(0)
