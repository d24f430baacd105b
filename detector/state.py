"""State as named arrays: how what changes with a stream is written down, and taken up again by a fresh copy.

A class with such state gives it for the series named and takes it back for them; room that no series uses is left out.
What is taken back is checked as far as compiled code relies on it, for it may come from a damaged or hostile file.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from detector.errors import DataError
from detector.types import Ints

State = Mapping[str, np.ndarray]


def under(name: str, state: State) -> dict[str, np.ndarray]:
    """Returns a state as the part ``name`` of a larger one."""
    return {f"{name}/{inner}": array for inner, array in state.items()}


def part(name: str, state: State) -> dict[str, np.ndarray]:
    """Returns the part ``name`` of a state."""
    return {at.removeprefix(f"{name}/"): array for at, array in state.items() if at.startswith(f"{name}/")}


def held(state: State, name: str, kind: Any, *shape: int) -> np.ndarray:
    """Returns an array of a state.

    Raises:
        DataError: there is none, or it is of another type or shape.
    """
    found = state.get(name)
    if found is None or found.dtype != kind or found.shape != shape:
        what = "nothing" if found is None else f"{found.dtype} {found.shape}"
        raise DataError(f"The state holds {what} as {name}, not {np.dtype(kind)} {shape}.")
    return found


def within(state: State, name: str, size: int, most: int, kind: Any = np.int32) -> Ints:
    """Returns counts [size] of a state, each of 0 to ``most``.

    Raises:
        DataError: there are none such.
    """
    found = held(state, name, kind, size)
    if size and not 0 <= found.min() <= found.max() <= most:
        raise DataError(f"The state holds {name} of {found.min()} to {found.max()}, not of 0 to {most}.")
    return found


def ranks(counts: Ints) -> Ints:
    """Returns 0 .. n - 1 for each of the counts n, one after the other."""
    ends = np.cumsum(counts, dtype=np.int64)
    return np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)
