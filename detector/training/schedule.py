"""Learning rates over a training."""

import math
from collections.abc import Callable
from typing import Literal

ScheduleName = Literal["onecycle", "constant"]

_RISE_RATIO = 0.3
_FIRST, _LAST = 1 / 25, 1 / 250_000


def onecycle(ratio: float) -> float:
    """Returns the share of the peak rate: a cosine up over the first 30% of the training, a cosine down to nothing.

    Paper: Smith & Topin 2018, section 3.

    Args:
        ratio: share of the training that is done, 0 to 1.
    """
    if ratio < _RISE_RATIO:
        return _between(_FIRST, 1.0, ratio / _RISE_RATIO)
    return _between(1.0, _LAST, (ratio - _RISE_RATIO) / (1 - _RISE_RATIO))


def constant(ratio: float) -> float:
    """Returns 1."""
    return 1.0


SCHEDULES: dict[ScheduleName, Callable[[float], float]] = {"onecycle": onecycle, "constant": constant}


def _between(start: float, end: float, ratio: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * ratio)) / 2
