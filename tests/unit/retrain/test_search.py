from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from detector.calibration.table import DEFAULT
from detector.errors import DataError
from detector.fitting.dataset import Run
from detector.members.autoencoder import AutoencoderMember
from detector.windows.schema import Channel, Schema
from pipelines.retrain.candidates import Candidate, candidates
from pipelines.retrain.history import History
from pipelines.retrain.search import Search
from pipelines.retrain.space import applied, present, space

WINDOW = 64


class Notes:
    """A run in memory."""

    def __init__(self) -> None:
        self.noted: dict[str, Any] = {}

    def params(self, values: Mapping[str, str | int | float]) -> None:
        self.noted |= values

    def metrics(self, values: Mapping[str, float]) -> None:
        self.noted |= values

    def curve(self, name: str, steps: Sequence[int], values: Sequence[float]) -> None:
        self.noted[name] = list(zip(steps, values, strict=True))


def history(rows: int) -> History:
    t = np.arange(rows)
    wave = np.stack([np.sin(t / 7), np.cos(t / 11)], 1) + 0.1 * np.random.default_rng(0).standard_normal((rows, 2))
    schema = Schema(channels=(Channel(name="a"), Channel(name="b")), has_clock=False)
    return History(schema, [Run(t.astype(np.int64), wave)], [], "")


def searched(trials: int, candidate: Candidate, seed: int = 3) -> tuple[Candidate, dict[str, dict[str, Any]]]:
    told: dict[str, dict[str, Any]] = {}

    @contextmanager
    def opened(name: str) -> Iterator[Any]:
        notes = Notes()
        yield notes
        told[name] = notes.noted

    search = Search(history(1200), trials, 0.2, WINDOW, seed, 0, DEFAULT)
    return search.best(candidate, opened, lambda *_: None), told


def one(name: str, steps: int = 3) -> Candidate:
    variant, backbone = name.split("-")
    return candidates([variant], [backbone], 2, steps)[1]


def member(candidate: Candidate) -> AutoencoderMember:
    found = candidate.config.members[0]
    assert isinstance(found, AutoencoderMember)
    return found


@pytest.mark.parametrize("candidate", candidates(["all"], ["all"], 2)[1:], ids=lambda c: c.name)
def test_the_classic_four_and_the_variants_own_may_change_within_their_bounds(candidate: Candidate) -> None:
    before = member(candidate)
    found = space(before)
    if "pca" not in candidate.name:
        assert {"variant.code_size", "variant.loss", "backbone.depth", "backbone.width"} <= set(found)
    own = set(type(before.variant).model_fields) - {"kind", "code_size", "loss"}
    assert {f"variant.{name}" for name in own} <= set(found)
    assert applied(before, present(before, found)) == before, "the defaults are among them"
    edges = {name: _edges(distribution) for name, distribution in found.items()}
    for end in (0, -1):
        applied(before, {name: values[end] for name, values in edges.items()})  # pydantic refuses what is out of bounds


def _edges(distribution: Any) -> list[Any]:
    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    assert distribution.low < distribution.high
    return [distribution.low, distribution.high]


def test_every_trial_is_written_down_and_the_best_is_taken() -> None:
    candidate = one("rae-dense")
    best, told = searched(4, candidate)
    assert list(told) == [f"trial-{number:03d}" for number in range(4)]
    first = {key: value for key, value in told["trial-000"].items() if "." in key}
    assert first == {key: str(value) for key, value in present(member(candidate), space(member(candidate))).items()}
    winner = max((notes for notes in told.values() if notes["state"] == "complete"), key=lambda notes: notes["quality"])
    taken = present(member(best), space(member(candidate)))
    assert {key: str(value) for key, value in taken.items()} == {k: v for k, v in winner.items() if "." in k}
    assert len({notes["variant.code_weight"] for notes in told.values()}) == 4


def test_the_same_seed_searches_the_same_way_and_another_one_does_not() -> None:
    once, again, other = (searched(3, one("deep-dense"), seed) for seed in (3, 3, 4))
    assert once == again
    assert once[1]["trial-000"]["variant.code_size"] == other[1]["trial-000"]["variant.code_size"]
    assert once[1]["trial-001"] != other[1]["trial-001"]


def test_a_trial_that_rebuilds_worse_than_most_is_cut_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.retrain.search.UNPRUNED_TRIALS", 2)
    _, told = searched(8, one("deep-dense", steps=150))
    trials = list(told.values())
    pruned = [number for number, notes in enumerate(trials) if notes["state"] == "pruned"]
    assert pruned
    for number in pruned:
        errors = trials[number]["held_out_error"]
        before = [dict(notes["held_out_error"]) for notes in trials[:number] if notes["state"] == "complete"]
        step = errors[-1][0]
        assert min(error for _, error in errors) > np.median([found[step] for found in before if step in found])
        assert "quality" not in trials[number]


def test_too_little_history_to_examine_trials_is_told_at_once() -> None:
    with pytest.raises(DataError, match="which a comparison needs"):
        Search(history(150), 2, 0.2, WINDOW, 0, 0, DEFAULT)
