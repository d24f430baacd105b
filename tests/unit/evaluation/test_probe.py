"""Linear probes: what they read, and that they were done reading."""

import numpy as np
import pytest

from detector.errors import DataError
from detector.evaluation.probe import Known, labelled, probe_accuracy


def _known(seed: int, apart: float, count: int = 400) -> Known:
    rng = np.random.default_rng(seed)
    classes = rng.integers(3, size=count)
    return Known(rng.normal(size=(count, 6)) + apart * np.eye(3, 6)[classes], classes)


def test_classes_far_apart_are_named_and_classes_that_are_not_there_are_guessed() -> None:
    assert probe_accuracy(_known(0, 9), _known(1, 9)) == 1
    assert probe_accuracy(_known(0, 0), _known(1, 0)) == pytest.approx(1 / 3, abs=0.08)


def test_the_size_of_codes_changes_nothing() -> None:
    learnt, asked = _known(0, 1.5), _known(1, 1.5)
    found = probe_accuracy(learnt, asked)
    for scale in (1e-5, 1e5):
        shrunk = [Known(scale * known.codes + 1, known.classes) for known in (learnt, asked)]
        assert probe_accuracy(*shrunk) == pytest.approx(found, abs=0.01)


def test_a_column_that_never_moves_does_no_harm() -> None:
    learnt, asked = (Known(np.c_[known.codes, np.ones(400)], known.classes) for known in (_known(0, 9), _known(1, 9)))
    assert probe_accuracy(learnt, asked) == 1


def test_a_rare_class_counts_as_much_as_a_common_one() -> None:
    rng = np.random.default_rng(0)
    classes = np.repeat([0, 1], [380, 20])
    nothing = Known(rng.normal(size=(400, 6)), classes)
    assert probe_accuracy(nothing, Known(rng.normal(size=(400, 6)), classes)) < 0.7, "not the 95% of the common one"


def test_a_probe_that_was_stopped_early_is_refused() -> None:
    with pytest.raises(DataError, match=r"on 400 codes of size 6 did not converge in 2 rounds"):
        probe_accuracy(_known(0, 1), _known(1, 1), most_rounds=2)


def test_labels_go_to_every_class_in_turn_and_a_larger_budget_adds_to_a_smaller_one() -> None:
    classes = np.repeat([0, 1, 2], [300, 30, 5])
    few, more = (labelled(classes, budget, seed=0) for budget in (10, 50))
    assert few is not None
    assert more is not None
    assert np.bincount(classes[few]).tolist() in ([4, 3, 3], [3, 4, 3], [3, 3, 4])
    assert np.bincount(classes[more])[2] == 5
    assert len(set(more)) == 50
    assert np.array_equal(more[:10], few)
    assert labelled(classes, 336, seed=0) is None
