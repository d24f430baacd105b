"""A flood of records that cannot be read means a wrong decoder or topic: better to stop than to pass them all over."""

from collections import deque
from collections.abc import Sequence
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from detector.errors import TooManyDeadLetters
from pipelines.io.base import DeadLetter


class DeadLetterConfig(BaseModel):
    """How many records that cannot be read are taken for normal."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_ratio: float | None = Field(
        default=0.5, gt=0, le=1, description="Share of dead letters above which reading stops; null: it never does"
    )
    over_records: int = Field(default=1000, ge=1, description="Newest records that the share is taken over")
    min_records: int = Field(default=100, ge=1, description="Records to be seen before the share counts")

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.min_records > self.over_records:
            raise ValueError(f"min_records {self.min_records} lies above over_records {self.over_records}")
        return self


class Flood:
    """Watches the share of dead letters among the newest records, poll by poll."""

    def __init__(self, config: DeadLetterConfig) -> None:
        self._config = config
        self._polls: deque[tuple[int, int]] = deque()
        self._records = self._dead = 0

    def count(self, records: int, letters: Sequence[DeadLetter]) -> None:
        """Takes a poll of ``records``, those of ``letters`` among them.

        Raises:
            TooManyDeadLetters: their share is too high; what came of this poll must not be committed.
        """
        limit = self._config.max_ratio
        if limit is None:
            return
        self._polls.append((records, len(letters)))
        self._records, self._dead = self._records + records, self._dead + len(letters)
        while self._records - self._polls[0][0] >= self._config.over_records:
            records, dead = self._polls.popleft()
            self._records, self._dead = self._records - records, self._dead - dead
        if self._records >= self._config.min_records and self._dead > limit * self._records:
            last = letters[-1] if letters else None
            where = f", the last at {last.topic}[{last.partition}]:{last.offset} ({last.detail})" if last else ""
            raise TooManyDeadLetters(
                f"{self._dead} of the newest {self._records} records cannot be read{where}: more than "
                f"dead_letters.max_ratio {limit:g} allows; nothing of this poll is committed, check the decoder."
            )
