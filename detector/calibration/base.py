"""What every calibration gives: a limit on the score and p-values, from scores of held-out normal rows."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numba import njit
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from detector.errors import DataError
from detector.types import DecisionBatch, Floats, ScoreBatch

_FLOOR = 1e-6
_MARGIN_RATIO = 1.01


class Limit(NamedTuple):
    """A limit on the score, and what people should know about how it came about (or nothing)."""

    value: float
    note: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Calibrator:
    """Turns scores into decisions; frozen, and the same for every series of a detector.

    Attributes:
        limit: score at which an alarm is raised, > 0 and finite.
        held_out: [N] float64, sorted scores of held-out normal rows, N >= 1.
        note: how the limit was found where the method had to fall back; empty otherwise.
    """

    limit: float
    held_out: NDArray[np.float64]
    note: str = ""

    def p_value(self, scores: Floats) -> NDArray[np.float64]:
        """Share of normal rows that score at least as high, the judged row counted among them.

        Args:
            scores: [B], NaN where there is no score.

        Returns:
            [B] in [1 / (N + 1), 1]; NaN without a score.

        Paper: Vovk, Gammerman and Shafer 2005, "Algorithmic learning in a random world", split conformal p-value
        (#{held-out >= s} + 1) / (N + 1).
        """
        return _decided(np.asarray(scores, np.float64), self.held_out, self.limit)[2]

    def decide(self, scores: ScoreBatch) -> DecisionBatch:
        """Sets scores against the limit: 1.0 is the alert line; a missing score is no anomaly."""
        ratio, over, p_value = _decided(np.asarray(scores.score, np.float64), self.held_out, self.limit)
        return DecisionBatch(
            series=scores.series,
            time_ns=scores.time_ns,
            anomaly_score=ratio,
            is_anomaly=over,
            p_value=p_value,
            contribution=scores.contribution,
            warming=scores.warming,
        )

    def tensors(self) -> dict[str, NDArray[np.float64]]:
        """Everything numeric, as arrays for a bundle."""
        return {"limit": np.array([self.limit]), "held_out": self.held_out}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, NDArray], note: str = "") -> Self:
        """The calibrator that ``tensors`` described."""
        return cls(float(tensors["limit"][0]), np.asarray(tensors["held_out"], np.float64), note)


@njit(cache=True, nogil=True)
def _decided(scores, held_out, limit):  # type: ignore[no-untyped-def]
    """Returns for scores [B] their ratios to the limit, whether these reach 1, and p-values."""
    size, rows = len(scores), len(held_out)
    ratio, over, p_value = np.empty(size), np.empty(size, np.bool_), np.empty(size)
    last = times = share = np.nan
    for i in range(size):
        if scores[i] != last:  # rows between two looks repeat a score
            last = scores[i]
            times = last / limit
            share = (rows - np.searchsorted(held_out, last) + 1) / (rows + 1) if last == last else np.nan
        ratio[i], over[i], p_value[i] = times, times >= 1.0, share
    return ratio, over, p_value


class Calibration(BaseModel):
    """Settings of one way to find the limit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def fit(self, scores: Floats | Sequence[Floats], rows_per_week: float | None = None) -> Calibrator:
        """Finds the limit from scores of normal rows that the detector was not trained on.

        Args:
            scores: [N], or several such runs (no cluster reaches across two of them); NaN is no score.
            rows_per_week: rows that one series gives in a week; None where time has no unit.

        Returns:
            Calibrator with a finite limit > 0, strictly above the median score.

        Raises:
            DataError: no finite score was given.
        """
        given = [scores] if isinstance(scores, np.ndarray) else scores
        runs = [np.asarray(run, np.float64) for run in given]
        held_out = np.sort(np.concatenate([run[np.isfinite(run)] for run in runs])) if runs else np.empty(0)
        if not len(held_out):
            raise DataError("There is no held-out normal row with a score to calibrate on: give more training rows.")
        value, note = self._limit(runs, held_out, rows_per_week)
        # Scores that hardly vary would put the limit on top of them, where rounding raises alarms.
        floor = max(_MARGIN_RATIO * float(np.median(held_out)), _FLOOR)
        if not value > floor:
            value, note = (
                floor,
                "; ".join(filter(None, [note, "the held-out scores hardly vary: 1% above their median"])),
            )
        return Calibrator(float(value), held_out, note)

    @abstractmethod
    def _limit(self, runs: Sequence[NDArray[np.float64]], held_out: NDArray, rows_per_week: float | None) -> Limit:
        """Limit of this method; ``held_out`` is all finite scores of ``runs``, sorted."""


class EventBudget(Calibration):
    """Settings of the methods that keep a budget of alarms, where one excursion of the score is one alarm.

    Attributes:
        alarms_per_week: false alarms allowed to one series in a week of normal operation.
        alarms_per_10k_rows: the same where time has no unit, in 10,000 rows.
        gap_rows: excursions at most so far apart are one alarm.
    """

    alarms_per_week: float = Field(default=1.0, gt=0, description="False alarms allowed per series and week")
    alarms_per_10k_rows: float = Field(
        default=1.0, gt=0, description="The same in 10,000 rows, for data without a clock"
    )
    gap_rows: int = Field(default=16, ge=0, description="Excursions at most this many rows apart are one alarm")

    def alarms_per_row(self, rows_per_week: float | None) -> float:
        """The budget per row of one series."""
        return self.alarms_per_10k_rows / 10_000 if rows_per_week is None else self.alarms_per_week / rows_per_week
