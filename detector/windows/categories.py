"""Text as a number: how surprising a word is where it stands."""

from collections.abc import Iterable, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from detector.types import Floats

DECIMALS = 6


class Categories(BaseModel):
    """What the words of a text channel count: their information in bits, -log2 of their share in training.

    Paper: Shannon 1948, section 6. Rare words become large numbers, on one axis, so that a channel of text stays one
    channel, whatever the number of its words; a word never seen is the most surprising one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    bits: dict[str, float] = Field(description="Information of every word seen in training; empty cells are a word too")
    unseen_bits: float = Field(description="Information of any other word")

    @classmethod
    def fit(cls, words: Iterable[str]) -> "Categories":
        """Counts words; one is added to every count, so that a word never seen has a share too."""
        found, counts = np.unique(np.array(list(words), dtype=object).astype(str), return_counts=True)
        total = counts.sum() + len(counts) + 1
        bits = np.round(-np.log2((counts + 1) / total), DECIMALS)
        return cls(
            bits=dict(zip(found.tolist(), bits.tolist(), strict=True)),
            unseen_bits=round(float(np.log2(total)), DECIMALS),
        )

    def numbers(self, words: Sequence[object]) -> Floats:
        """Returns the bits of words, [B] float64; None and NaN count as the empty word."""
        return np.array([self.bits.get(word_of(word), self.unseen_bits) for word in words], np.float64)


def word_of(value: object) -> str:
    """Returns the word that stands for a value: whole numbers without a point, nothing for None and NaN."""
    if value is None or value != value:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
