"""Names of series as small integers, so that everything behind the decoder is an array lookup."""

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush

import numpy as np

from detector.types import Ints


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

    def keys(self, series: Iterable[int]) -> list[str]:
        """The keys of ids, as ``key`` gives each."""
        known, at = np.unique(np.fromiter(series, np.int64), return_inverse=True)
        names = [self.key(s) for s in known.tolist()]
        return [names[i] for i in at.tolist()]

    def release(self, series: Iterable[int]) -> None:
        """Forgets the keys of these ids, so that the ids may name other series."""
        for s in map(int, series):
            del self._id_of[self.key(s)]
            self._keys[s] = None
            heappush(self._free, s)

    def _assign(self, key: str) -> int:
        if self._free:
            series = heappop(self._free)
            self._keys[series] = key
        else:
            series = len(self._keys)
            self._keys.append(key)
        return series


class _Assigned(dict[str, int]):
    """A dictionary that assigns an id on the first look-up of a key: one hash per known key."""

    def __init__(self, index: SeriesIndex) -> None:
        self._index = index

    def __missing__(self, key: str) -> int:
        self[key] = series = self._index._assign(key)
        return series
