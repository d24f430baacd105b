"""What members said that look at every n-th row only, held in between."""

import numpy as np
from numba import njit

from detector.ids import span
from detector.state import State, held
from detector.types import Bools, Floats, Ints


@njit(cache=True)
def due(cell: Ints, previous_cell: Ints, stride: int) -> Bools:
    """Says which rows begin a new stride, from event time alone.

    Args:
        cell: [B] step number of the row.
        previous_cell: [B] step number of the row before it, -1 where there is none.
        stride: in rows, >= 1.

    Returns:
        [B] bool, all True at stride 1. Rows closer than the grid are due as well, so that no value is held for more
        than ``stride`` rows: what a row depends on is bounded.
    """
    found = np.ones(len(cell), np.bool_)
    if stride > 1:
        for i in range(len(cell)):
            before = previous_cell[i]
            found[i] = before < 0 or cell[i] // stride != before // stride or cell[i] == before
    return found


class Hold:
    """The last value of every series and output, for rows on which a member did not look.

    Args:
        neutral: [K] what stands in before the first value (the held-out median).
        capacity: series to make room for; grows by itself.
    """

    def __init__(self, neutral: Floats, capacity: int) -> None:
        self._neutral = np.asarray(neutral, np.float32)
        self._state = np.tile(self._neutral, (capacity, 1))

    def push(self, series: Ints, filled: Ints, values: Floats, fresh: Bools) -> Floats:
        """Fills ``values`` in place where it is not fresh and remembers what is.

        Args:
            series: [B] int32.
            filled: [B] rows in the window; 1 begins a run and forgets what was held.
            values: [B, K] float32.
            fresh: [B] bool.

        Returns:
            ``values``.
        """
        self._reserve(span(series))
        _hold(series, filled, values, fresh, self._neutral, self._state)
        return values

    def state(self, series: Ints) -> State:
        """Returns what is held of these series."""
        self._reserve(span(series))
        return {"values": self._state[series]}

    def restore(self, series: Ints, state: State) -> None:
        """Takes up the state of series.

        Raises:
            DataError: it is of other outputs.
        """
        self._reserve(span(series))
        self._state[series] = held(state, "values", np.float32, len(series), len(self._neutral))

    def _reserve(self, series: int) -> None:
        lacking = series - len(self._state)
        if lacking > 0:
            room = np.tile(self._neutral, (max(lacking, len(self._state)), 1))
            self._state = np.concatenate([self._state, room])


@njit(cache=True)
def _hold(series: Ints, filled: Ints, values: Floats, fresh: Bools, neutral: Floats, state: Floats) -> None:
    for i in range(len(series)):
        s = np.uint32(series[i])
        for k in range(values.shape[1]):
            if fresh[i]:
                state[s, k] = values[i, k]
            else:
                if filled[i] == 1:
                    state[s, k] = neutral[k]
                values[i, k] = state[s, k]
