"""Names of series as small integers, so that everything behind the decoder is an array lookup."""

import itertools
from collections.abc import Iterable, Sequence
from heapq import heappop, heappush

import numpy as np

from detector.errors import DataError
from detector.state import State, held, within
from detector.types import Ints

_SPARSE, _FEW = 4, 1024
"""Ids of a state may be so many times as large as they are many, and so many besides."""
_LONGEST = 1 << 20


class SeriesIndex:
    """Gives every series key an id, dense from 0; the smallest released id is given out first.

    Ids depend only on the order in which keys are first met and released, so a replay gives the same ids.
    """

    def __init__(self) -> None:
        self._id_of = _Assigned(self)
        self._keys: list[str | None] = []
        self._free: list[int] = []

    def __len__(self) -> int:
        return len(self._id_of)

    def __contains__(self, key: str) -> bool:
        return key in self._id_of

    @property
    def capacity(self) -> int:
        """One more than the largest id ever given out."""
        return len(self._keys)

    def ids(self, keys: Sequence[str]) -> Ints:
        """The ids of keys, new keys receiving new ids.

        Args:
            keys: B series keys.

        Returns:
            [B] int32.
        """
        return np.fromiter(map(self._id_of.__getitem__, keys), np.int32, len(keys))

    def key(self, series: int) -> str:
        """The key of one id.

        Raises:
            KeyError: the id is not in use.
        """
        key = self._keys[series] if 0 <= series < len(self._keys) else None
        if key is None:
            raise KeyError(f"series id {series} is not in use")
        return key

    @property
    def keys(self) -> Sequence[str | None]:
        """The keys by id, None where an id is not in use; ids that are released later keep theirs in it."""
        return self._keys

    def release(self, series: Iterable[int]) -> None:
        """Forgets the keys of these ids, so that the ids may name other series."""
        self._keys = [*self._keys]
        for s in map(int, series):
            del self._id_of[self.key(s)]
            self._keys[s] = None
            heappush(self._free, s)

    @property
    def used(self) -> Ints:
        """Ids [S] int32 in use, ascending."""
        return np.array([series for series, key in enumerate(self._keys) if key is not None], np.int32)

    def state(self) -> State:
        """Returns all ids in use with their keys."""
        used = self.used
        keys = [self.key(series).encode("utf-8", "surrogatepass") for series in used.tolist()]
        lengths = np.array([len(key) for key in keys], np.int32)
        return {"ids": used, "lengths": lengths, "keys": np.frombuffer(b"".join(keys), np.uint8)}

    def restore(self, state: State) -> None:
        """Takes up a state; nothing was named before.

        Raises:
            DataError: it is damaged, or of so few series left of so many that it would take more room than reading
                those few again.
        """
        size = np.size(state.get("ids", ()))
        used = within(state, "ids", size, _SPARSE * size + _FEW)
        ends = np.cumsum(within(state, "lengths", size, _LONGEST), dtype=np.int64).tolist()
        text = held(state, "keys", np.uint8, ends[-1] if ends else 0).tobytes()
        try:
            keys = [text[a:b].decode("utf-8", "surrogatepass") for a, b in itertools.pairwise([0, *ends])]
        except UnicodeDecodeError as error:
            raise DataError(f"The state holds a key that is no text: {error}.") from error
        if (np.diff(used) <= 0).any() or len(set(keys)) < size:
            raise DataError("The state holds an id or a key twice.")
        self._keys = [None] * (int(used[-1]) + 1 if size else 0)
        for series, key in zip(used.tolist(), keys, strict=True):
            self._keys[series], self._id_of[key] = key, series
        self._free = [series for series, key in enumerate(self._keys) if key is None]

    def _assign(self, key: str) -> int:
        if self._free:
            series = heappop(self._free)
            self._keys[series] = key
        else:
            series = len(self._keys)
            self._keys.append(key)
        return series


def turns(series: Ints) -> Ints:
    """Returns the rows [B] of a batch that are of another series than the row before, the first among them."""
    return np.concatenate([np.arange(min(1, len(series))), np.flatnonzero(series[1:] != series[:-1]) + 1])


class _Assigned(dict[str, int]):
    """A dictionary that assigns an id on the first look-up of a key: one hash per known key."""

    def __init__(self, index: SeriesIndex) -> None:
        self._index = index

    def __missing__(self, key: str) -> int:
        self[key] = series = self._index._assign(key)
        return series
