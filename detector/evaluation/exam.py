"""The examination that detectors sit on the same rows: how well do scores rank anomalous rows above normal ones?

With known incidents in enough places of the rows, these are the questions. Otherwise anomalies are put into the normal
rows on purpose. That shows which detector reacts more, and is weak evidence of which one finds real anomalies better.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from detector.calibration.base import EventBudget
from detector.calibration.clusters import clusters
from detector.calibration.table import DEFAULT, CalibrationConfig
from detector.errors import DataError
from detector.evaluation.causal import causal_scores
from detector.evaluation.events import intervals
from detector.evaluation.inject import KINDS, inject
from detector.evaluation.selftest import deviations, evenly, piece_scores
from detector.evaluation.vus import vus_pr
from detector.inference import calibrate, smooth
from detector.members.detector import Detector
from detector.types import Bools, Floats, Ints

ROWS = 64
"""Rows judged in a piece; fewer where the rows at hand are few."""
LEAST_ROWS = 16

PIECES = 24
LEAST_PIECES = 6
"""With fewer places of incidents, or fewer pieces of normal rows, a comparison would say nothing."""

_PERIOD = 16


Known = tuple[Floats, Bools]
"""A run of rows [N, F] float64 in the channels' own units, NaN masked, and which of them [N] lie in known incidents."""


@dataclass(frozen=True, slots=True)
class Exam:
    """Pieces of rows in which every detector looks for the same anomalies.

    Attributes:
        kind: ``labelled`` where incidents decide, ``injected`` where made anomalies do.
        values: [N, L, F] float64; the last rows of a piece are judged.
        labels: [N, R] bool of the R rows judged, at least one and not all of a piece.
        place: [N] int, pieces of the same place are judged together.
        normal: runs without incidents, to count false alarms in.
    """

    kind: Literal["labelled", "injected"]
    values: Floats
    labels: Bools
    place: Ints
    normal: list[Floats]


@dataclass(frozen=True, slots=True)
class Marks:
    """How a detector did.

    Attributes:
        quality: [P] VUS-PR at every place, 0 to 1.
        false_alarms: in the rows without incidents.
        allowed: false alarms that the budget allows for as many rows.
    """

    quality: Floats
    false_alarms: int
    allowed: float

    @property
    def mean(self) -> float:
        """Mean quality."""
        return float(self.quality.mean())


def exam(parts: Sequence[Known], window: int, seed: int) -> Exam:
    """Makes the examination.

    Args:
        parts: runs that no detector was trained on.
        window: rows of the longest window of all detectors to be examined.
        seed: of the injections.

    Raises:
        DataError: the rows are too few.
    """
    calm = [values[begin:end] for values, anomalous in parts for begin, end in intervals(~anomalous)]
    places = _incidents(parts, window - 1 + ROWS)
    if len(places) >= LEAST_PIECES:
        values, labels = (np.stack(column) for column in zip(*places, strict=True))
        return Exam("labelled", values, labels, np.arange(len(places)), _long(calm, window))
    longest = max(map(len, calm), default=0)
    rows = min(ROWS, longest - LEAST_PIECES - window + 2)
    if rows < LEAST_ROWS:
        least = window - 1 + LEAST_ROWS + LEAST_PIECES - 1
        raise DataError(
            f"the newest rows hold no stretch of {least} rows without an incident, which a comparison needs; give "
            "more history, or raise retrain.test_ratio."
        )
    normal = _long(calm, window - 1 + rows)
    pieces = evenly(normal, window - 1 + rows, PIECES)
    middle = slice(pieces.shape[1] - rows + rows // 4, pieces.shape[1] - rows // 4)
    made = [inject(pieces, kind, middle, deviations(normal), seed) for kind in KINDS]
    values = np.concatenate([one.values for one in made])
    labels = np.concatenate([one.labels[:, -rows:] for one in made])
    place = np.tile(np.arange(len(pieces)), len(made))
    changed = labels.any(axis=1)
    if not changed.any():
        raise DataError("no anomaly could be put into the newest rows: nothing moves in them; give other history.")
    return Exam("injected", values[changed], labels[changed], place[changed], normal)


def sit(detector: Detector, exam: Exam, delay: int, calibration: CalibrationConfig = DEFAULT) -> Marks:
    """Examines a detector.

    Args:
        detector: its window is not longer than the examination was made for.
        exam: the same for all.
        delay: rows that a score waits.
        calibration: how the limit is set.
    """
    scores = piece_scores(detector, exam.values, delay)[:, -exam.labels.shape[1] :]
    quality = np.empty(len(places := np.unique(exam.place)))
    for i, place in enumerate(places):
        here = exam.place == place
        quality[i] = vus_pr(exam.labels[here].ravel(), scores[here].ravel(), _PERIOD)
    limit = calibrate(detector, delay, calibration).limit
    budget = calibration if isinstance(calibration, EventBudget) else DEFAULT
    alarms, rows = 0, 0
    for run in exam.normal:
        found = smooth(causal_scores(detector, detector.scaled(run[None]))[0], delay)
        alarms += len(clusters(found, limit, budget.gap_rows))
        rows += len(found)
    return Marks(quality, alarms, rows * budget.alarms_per_row(detector.schema.rows_per_week))


def _incidents(parts: Sequence[Known], length: int) -> list[Known]:
    """Cuts the rows into pieces whose judged rows follow on each other, and keeps those with both kinds."""
    found = []
    for values, anomalous in parts:
        for end in range(length, len(values) + 1, ROWS):
            labels = anomalous[end - ROWS : end]
            if labels.any() and not labels.all():
                found.append((values[end - length : end], labels))
    return found


def _long(runs: list[Floats], least: int) -> list[Floats]:
    return [run for run in runs if len(run) >= least]
