from typing import Any

import numpy as np
import pytest

from detector.errors import DataError
from detector.evaluation.exam import LEAST_PIECES, ROWS, exam, sit
from detector.evaluation.inject import KINDS
from detector.evaluation.select import select
from detector.fitting.dataset import Run
from detector.fitting.fit import fit_detector
from detector.members.detector import Detector
from detector.members.memory import MemoryMember
from detector.members.projection import ProjectionMember
from detector.members.table import DetectorConfig
from detector.windows.schema import Channel, Schema

WINDOW = 16


def rows(count: int, seed: int) -> np.ndarray:
    t = np.arange(count)[:, None]
    return np.sin(t / 6 + np.arange(2)) + 0.1 * np.random.default_rng(seed).standard_normal((count, 2))


def calm(count: int, seed: int = 1) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(rows(count, seed), np.zeros(count, bool))]


def with_incidents(count: int, shift: float, every: int = 100) -> list[tuple[np.ndarray, np.ndarray]]:
    values, labels = rows(count, 2), np.zeros(count, bool)
    for begin in range(every, count, every):
        values[begin : begin + 12, 0] += shift
        labels[begin : begin + 12] = True
    return [(values, labels)]


def fitted(*members: Any) -> Detector:
    schema = Schema(channels=(Channel(name="a"), Channel(name="b")), has_clock=False)
    data = [Run(np.arange(900, dtype=np.int64), rows(900, 0))]
    return fit_detector(DetectorConfig(members=members), schema, data).detector


@pytest.fixture(scope="module")
def sharp() -> Detector:
    return fitted(MemoryMember(window=WINDOW))


@pytest.fixture(scope="module")
def blunt() -> Detector:
    """Sees the mean of a long window, so that it comes late and misses what is short."""
    return fitted(ProjectionMember(window=64, pooling="mean", stride=32))


def test_made_anomalies_decide_until_incidents_in_enough_places_do() -> None:
    assert exam(calm(400), WINDOW, 0).kind == "injected"
    assert exam(with_incidents(400, 1.5), WINDOW, 0).kind == "injected", "three incidents say nothing"
    sheet = exam(with_incidents(1200, 1.5), WINDOW, 0)
    assert sheet.kind == "labelled"
    assert len(sheet.values) == len(set(sheet.place)) >= LEAST_PIECES
    assert sheet.values.shape[1] == WINDOW - 1 + ROWS
    assert sheet.labels.any(axis=1).all()
    assert not sheet.labels.all(axis=1).any()


def test_every_kind_of_anomaly_is_asked_for_at_every_place() -> None:
    sheet = exam(calm(400), WINDOW, 0)
    assert set(np.bincount(sheet.place)) == {len(KINDS)}
    assert sheet.labels.shape == (24 * len(KINDS), ROWS)


def test_few_rows_make_shorter_pieces_and_too_few_none() -> None:
    assert exam(calm(60), WINDOW, 0).labels.shape[1] == 60 - WINDOW + 2 - LEAST_PIECES
    least = WINDOW - 1 + 16 + LEAST_PIECES - 1
    assert exam(calm(least), WINDOW, 0).labels.shape[1] == 16
    with pytest.raises(DataError, match=rf"no stretch of {least} rows.*raise retrain\.test_ratio"):
        exam(calm(least - 1), WINDOW, 0)


def test_rows_in_which_nothing_can_be_wrong_are_refused() -> None:
    with pytest.raises(DataError, match="nothing moves"):
        exam([(np.full((200, 1), np.nan), np.zeros(200, bool))], WINDOW, 0)


@pytest.mark.parametrize("kind", ["injected", "labelled"])
def test_a_detector_that_sees_more_is_chosen_over_the_default(kind: str, sharp: Detector, blunt: Detector) -> None:
    sheet = exam(calm(600) if kind == "injected" else with_incidents(1800, 1.5), 64, 0)
    assert sheet.kind == kind
    found = select({"auto": sit(blunt, sheet, 0), "sharp": sit(sharp, sheet, 0)}, sheet.kind, trust_injected=True)
    assert found.chosen == "sharp"
    assert np.array_equal(sit(sharp, sheet, 0).quality, sit(sharp, sheet, 0).quality)


def test_false_alarms_are_counted_outside_of_incidents(sharp: Detector) -> None:
    quiet = sit(sharp, exam(calm(1200), WINDOW, 0), 0)
    far = [(values + 5.0, labels) for values, labels in calm(1200)]
    loud = sit(sharp, exam(far, WINDOW, 0), 0)
    assert loud.false_alarms > quiet.false_alarms
    assert sit(sharp, exam(with_incidents(1800, 9.0), WINDOW, 0), 0).false_alarms < 10
