"""Events instead of rows: what was found, what was invented, and how late."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from detector.types import Ints


@dataclass(frozen=True, slots=True)
class EventResult:
    """How alarms met labelled events.

    Attributes:
        events: number of labelled events.
        detected: events that at least one alarm touches.
        alarms: number of alarms.
        correct: alarms that touch an event.
        delay_rows: for every detected event, rows from its start to the first alarm in it (0 if one was open already).
    """

    events: int
    detected: int
    alarms: int
    correct: int
    delay_rows: tuple[int, ...]

    @property
    def precision(self) -> float:
        """Share of alarms that touch an event; NaN without alarms."""
        return self.correct / self.alarms if self.alarms else float("nan")

    @property
    def recall(self) -> float:
        """Share of events that an alarm touches; NaN without events."""
        return self.detected / self.events if self.events else float("nan")

    @property
    def median_delay_rows(self) -> float:
        """Median delay of the detected events; NaN where none was."""
        return float(np.median(self.delay_rows)) if self.delay_rows else float("nan")


def intervals(flags: ArrayLike) -> Ints:
    """Stretches of true rows as half-open intervals.

    Args:
        flags: [B], true inside a stretch.

    Returns:
        [N, 2] int64, first row and the row after the last one.
    """
    edges = np.diff(np.asarray(flags).astype(np.int8), prepend=0, append=0)
    return np.stack([np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)], axis=1)


def match(events: Ints, alarms: Ints, tolerance_rows: int = 0) -> EventResult:
    """Sets alarms against labelled events; one alarm may explain several events and the other way round.

    Args:
        events: [N, 2] half-open intervals in order, not overlapping.
        alarms: [M, 2] half-open intervals in order, not overlapping.
        tolerance_rows: how many rows after its end an event may still be found.

    Returns:
        Counts and delays; no point adjustment.
    """
    stops = events[:, 1] + tolerance_rows
    # The first alarm still open when (or opened after) the event starts is the only one that can be its first.
    first = np.searchsorted(alarms[:, 1], events[:, 0], side="right")
    opened = np.append(alarms[:, 0], np.iinfo(np.int64).max)[first]
    detected = opened < stops
    delay = np.maximum(opened - events[:, 0], 0)[detected]
    candidate = np.searchsorted(stops, alarms[:, 0], side="right")
    begins = np.append(events[:, 0], np.iinfo(np.int64).max)[candidate]
    correct = begins < alarms[:, 1]
    return EventResult(len(events), int(detected.sum()), len(alarms), int(correct.sum()), tuple(delay.tolist()))
