import numpy as np
import pytest

from detector.evaluation.exam import Marks
from detector.evaluation.select import paired, select

PLACES = 24


def marks(quality: np.ndarray) -> Marks:
    return Marks(quality, 0, 1.0)


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


def test_candidates_stand_in_order_with_intervals_and_the_worth_of_the_choice(random: np.random.Generator) -> None:
    auto = random.uniform(0.4, 0.6, PLACES)
    candidates = {"auto": marks(auto), "good": marks(auto + 0.1), "bad": marks(auto - 0.1)}
    found = select(candidates, "labelled")
    assert found.chosen == "good"
    assert [one.name for one in found.standings] == ["good", "auto", "bad"]
    good, default, _ = found.standings
    assert good.low < good.quality < good.high
    assert good.gain
    assert good.gain.low == pytest.approx(0.1) == good.gain.high
    assert default.gain is None
    assert "known incidents" in found.worth
    assert found == select(candidates, "labelled")


def test_injected_anomalies_rank_but_do_not_unseat_the_default_unless_told_to(random: np.random.Generator) -> None:
    auto = random.uniform(0.4, 0.6, PLACES)
    candidates = {"auto": marks(auto), "good": marks(auto + 0.1)}
    found = select(candidates, "injected")
    assert found.chosen == "auto"
    assert [one.name for one in found.standings] == ["good", "auto"]
    assert "rank correlation .22" in found.worth
    assert select(candidates, "injected", trust_injected=True).chosen == "good"


def test_the_default_wins_ties_against_many_rivals(random: np.random.Generator) -> None:
    default = random.normal(0.5, 0.1, PLACES)
    rivals = {f"v{i}": marks(default + 0.05 * random.normal(size=PLACES)) for i in range(45)}
    found = select(rivals | {"auto": marks(default)}, "labelled")
    assert found.chosen == "auto" != found.standings[0].name
    rivals["v7"] = marks(default + 0.2 + 0.02 * random.normal(size=PLACES))
    assert select(rivals | {"auto": marks(default)}, "labelled").chosen == "v7"
    assert select(rivals, "labelled").chosen == "v7", "without the default the highest mean wins"
    assert select({"twin": marks(default), "auto": marks(default)}, "labelled").standings[0].name == "auto"


def test_the_interval_holds_the_mean() -> None:
    difference = paired(np.array([0.6, 0.8, 0.7]), np.array([0.5, 0.6, 0.9]), 0.05)
    assert difference.mean == pytest.approx(0.1 / 3)
    assert difference.low < difference.mean < difference.high
