import numpy as np
import pytest

from detector.evaluation.exam import Marks
from pipelines.retrain.gate import decide

PLACES = 24


def marks(quality: np.ndarray, false_alarms: int = 0, allowed: float = 1.0) -> Marks:
    return Marks(quality, false_alarms, allowed)


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


def test_a_clearly_better_challenger_is_promoted_and_a_worse_one_is_not(random: np.random.Generator) -> None:
    champion = random.uniform(0.4, 0.6, PLACES)
    up, down = (champion + shift + 0.02 * random.normal(size=PLACES) for shift in (0.1, -0.1))
    assert decide(marks(up), marks(champion), 0.05).promote
    worse = decide(marks(down), marks(champion), 0.05)
    assert not worse.promote
    assert worse.reason.startswith("it is worse")


def test_the_same_detector_is_not_promoted() -> None:
    same = marks(np.full(PLACES, 0.7))
    decision = decide(same, same, 0.05)
    assert not decision.promote
    assert "+0.000 [+0.000, +0.000], p = 1" in decision.reason


def test_a_champion_beyond_its_budget_gives_way_to_one_that_is_no_worse(random: np.random.Generator) -> None:
    quality = random.uniform(0.4, 0.6, PLACES)
    noisy = quality + 0.01 * random.normal(size=PLACES)
    noisy -= (noisy - quality).mean()
    assert decide(marks(noisy, 1), marks(quality, 12), 0.05).promote
    assert not decide(marks(noisy, 12), marks(quality, 12), 0.05).promote
    assert not decide(marks(noisy, 0), marks(quality, 2), 0.05).promote, "two where one is allowed proves nothing"
    assert not decide(marks(noisy - 0.1, 0), marks(quality, 12), 0.05).promote, "deafness gives no false alarms"


def test_promotion_without_a_real_difference_is_rare(random: np.random.Generator) -> None:
    promoted = 0
    for _ in range(200):
        one, other = random.normal(0.5, 0.1, (2, PLACES))
        promoted += decide(marks(one), marks(other), 0.05).promote
    assert promoted / 200 < 0.06, "2.5% are promised: one side of an interval of 95%"
