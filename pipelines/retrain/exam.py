"""The examination that candidates and the champion sit on the same newest rows.

With known incidents in enough places of them, these decide: how well do scores rank their rows above normal ones?
Otherwise anomalies are put into the normal rows on purpose. That shows which detector reacts more, and is weak
evidence of which one finds real anomalies better.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from detector.bundle import Bundle
from detector.calibration.base import EventBudget
from detector.calibration.clusters import clusters
from detector.calibration.table import DEFAULT, CalibrationConfig
from detector.errors import DataError
from detector.evaluation.auc import auc_pr
from detector.evaluation.causal import causal_scores
from detector.evaluation.inject import KINDS, inject
from detector.evaluation.selftest import deviations, evenly, piece_scores
from detector.inference import calibrate, smooth
from detector.types import Bools, Floats, Ints
from pipelines.retrain.history import Labelled, calm_runs

ROWS = 64
"""Rows judged in a piece."""

PIECES = 24
LEAST_PIECES = 6
"""With fewer places of incidents, or fewer pieces of normal rows, a comparison would say nothing."""


@dataclass(frozen=True, slots=True)
class Exam:
    """Pieces of the newest rows in which every detector looks for the same anomalies.

    Attributes:
        kind: ``labelled`` where incidents decide, ``injected`` where made anomalies do.
        values: [N, L, F] float64; the last ``ROWS`` rows of a piece are judged.
        labels: [N, ROWS] bool, at least one and not all of a piece.
        place: [N] int, pieces of the same place are judged together.
        normal: runs of the newest rows without incidents, to count false alarms in.
        rows_per_week: of one series, None without a clock.
    """

    kind: Literal["labelled", "injected"]
    values: Floats
    labels: Bools
    place: Ints
    normal: list[Floats]
    rows_per_week: float | None


@dataclass(frozen=True, slots=True)
class Marks:
    """How a detector did.

    Attributes:
        quality: [P] average precision at every place, 0 to 1.
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


def exam(test: list[Labelled], window: int, rows_per_week: float | None, seed: int) -> Exam:
    """Makes the examination.

    Args:
        test: the newest rows.
        window: rows of the longest window of all detectors to be examined.
        rows_per_week: of one series.
        seed: of the injections.

    Raises:
        DataError: the newest rows are too few.
    """
    length = window - 1 + ROWS
    normal = [run.values for part in test for run in calm_runs(part) if len(run) >= length]
    places = _incidents(test, length)
    if len(places) >= LEAST_PIECES:
        values, labels = (np.stack(column) for column in zip(*places, strict=True))
        return Exam("labelled", values, labels, np.arange(len(places)), normal, rows_per_week)
    if sum(len(piece) - length + 1 for piece in normal) < LEAST_PIECES:
        raise DataError(
            f"the newest rows hold no stretch of {length} rows without an incident, which a comparison needs; give "
            "more history, or raise retrain.test_ratio."
        )
    pieces = evenly(normal, length, PIECES)
    middle = slice(length - ROWS + ROWS // 4, length - ROWS // 4)
    made = [inject(pieces, kind, middle, deviations(normal), seed) for kind in KINDS]
    values = np.concatenate([one.values for one in made])
    labels = np.concatenate([one.labels[:, -ROWS:] for one in made])
    place = np.tile(np.arange(len(pieces)), len(made))
    changed = labels.any(axis=1)
    if not changed.any():
        raise DataError("no anomaly could be put into the newest rows: nothing moves in them; give other history.")
    return Exam("injected", values[changed], labels[changed], place[changed], normal, rows_per_week)


def sit(bundle: Bundle, exam: Exam, delay: int, calibration: CalibrationConfig = DEFAULT) -> Marks:
    """Examines a detector.

    Args:
        bundle: its window is not longer than the examination was made for.
        exam: the same for all.
        delay: rows that a score waits.
        calibration: how the limit is set.
    """
    detector = bundle.detector
    scores = piece_scores(detector, exam.values, delay)[:, -ROWS:]
    precision = np.array([auc_pr(label, score) for label, score in zip(exam.labels, scores, strict=True)])
    places = np.unique(exam.place)
    quality = np.array([precision[exam.place == place].mean() for place in places])
    limit = calibrate(detector, delay, calibration).limit
    budget = calibration if isinstance(calibration, EventBudget) else DEFAULT
    alarms, rows = 0, 0
    for run in exam.normal:
        found = smooth(causal_scores(detector, detector.scaler.transform(run[None]))[0], delay)
        alarms += len(clusters(found, limit, budget.gap_rows))
        rows += len(found)
    return Marks(quality, alarms, rows * budget.alarms_per_row(exam.rows_per_week))


def _incidents(test: list[Labelled], length: int) -> list[tuple[Floats, Bools]]:
    """Cuts the newest rows into pieces whose judged rows follow on each other, and keeps those with both kinds."""
    found = []
    for part in test:
        for end in range(length, len(part.run) + 1, ROWS):
            labels = part.anomalous[end - ROWS : end]
            if labels.any() and not labels.all():
                found.append((part.run.values[end - length : end], labels))
    return found
