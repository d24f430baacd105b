from typing import Any

import numpy as np
import pytest

from detector.errors import ConfigError
from detector.evaluation.select import Labelled, select
from detector.fitting.dataset import Run
from detector.fitting.fit import fit_detector
from detector.members.detector import Detector
from detector.members.memory import MemoryMember
from detector.members.projection import ProjectionMember
from detector.members.table import DetectorConfig
from detector.windows.schema import Channel, Schema


def rows(count: int, seed: int) -> np.ndarray:
    t = np.arange(count)[:, None]
    return np.sin(t / 6 + np.arange(2)) + 0.1 * np.random.default_rng(seed).standard_normal((count, 2))


def fitted(*members: Any) -> Detector:
    schema = Schema(channels=(Channel(name="a"), Channel(name="b")), has_clock=False)
    data = [Run(np.arange(900, dtype=np.int64), rows(900, 0))]
    return fit_detector(DetectorConfig(members=members), schema, data).detector


@pytest.fixture(scope="module")
def shape() -> Detector:
    return fitted(MemoryMember(window=16))


@pytest.fixture(scope="module")
def blunt() -> Detector:
    """Sees the mean of a long window, so that it comes late and misses what is short."""
    return fitted(ProjectionMember(window=64, pooling="mean", stride=32))


def test_a_clear_winner_by_injection_is_taken_and_its_worth_told(shape: Detector, blunt: Detector) -> None:
    found = select({"auto": blunt, "sharp": shape}, [rows(400, 1)])
    assert found.chosen == "sharp"
    assert not found.by_labels
    assert "rank correlation .22" in found.worth
    best, other = found.standings
    assert (best.name, other.name) == ("sharp", "auto")
    assert other.vus_pr < best.low < best.vus_pr < best.high
    assert 0 < best.gain_low < best.gain_high
    assert (other.gain_low, other.gain_high) == (0, 0)
    assert found == select({"auto": blunt, "sharp": shape}, [rows(400, 1)])


def test_the_default_wins_ties_and_keeps_what_it_leads(shape: Detector, blunt: Detector) -> None:
    assert select({"twin": shape, "auto": shape}, [rows(400, 1)]).chosen == "auto"
    assert [s.name for s in select({"twin": shape, "auto": shape}, [rows(400, 1)]).standings] == ["auto", "twin"]
    assert select({"auto": shape, "blunt": blunt}, [rows(400, 1)]).chosen == "auto"


def test_labels_decide_where_there_are_any(shape: Detector, blunt: Detector) -> None:
    values, labels = rows(1200, 2), np.zeros(1200, bool)
    for begin in range(100, 1200, 100):
        values[begin : begin + 12, 0] += 1.5
        labels[begin : begin + 12] = True
    candidates = {"auto": blunt, "sharp": shape}
    found = select(candidates, [rows(400, 1)], [Labelled(values, labels)])
    assert found.by_labels
    assert found.chosen == "sharp"
    assert "11 labelled events" in found.worth
    calm = select(candidates, [rows(400, 1)], [Labelled(values, np.zeros(1200, bool))])
    assert not calm.by_labels


def test_labels_can_overrule_injection(shape: Detector, blunt: Detector) -> None:
    values, labels = rows(1200, 2), np.zeros(1200, bool)
    labels[np.random.default_rng(0).random(1200) < 0.05] = True
    assert select({"auto": blunt, "sharp": shape}, [rows(400, 1)], [Labelled(values, labels)]).chosen == "auto"


def test_the_default_must_be_a_candidate(shape: Detector) -> None:
    with pytest.raises(ConfigError, match="'auto' is not among"):
        select({"sharp": shape}, [rows(400, 1)])
