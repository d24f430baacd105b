"""Between judged rows, what was said last is repeated."""

import numpy as np

from detector.scoring.between import Between, Judged

ROWS = np.zeros((5, 2), np.float32)


def judged(score: list[float]) -> Judged:
    share = np.array([[s, 1 - s] for s in score], np.float32).reshape(-1, 2)
    return Judged(np.array(score), share, np.array(score) > 0.5)


def test_rows_in_between_repeat_their_own_series() -> None:
    stage = Between(channels=2, capacity=1)
    found = stage.push(np.array([0, 5, 0, 5, 0], np.int32), np.array([0, 1, 4]), judged([0.25, 0.75, 0.5]), ROWS)
    assert found.score.tolist() == [0.25, 0.75, 0.25, 0.75, 0.5]
    assert found.contribution[:, 0].tolist() == [0.25, 0.75, 0.25, 0.75, 0.5]
    assert found.warming.tolist() == [False, True, False, True, False]


def test_what_was_said_lasts_beyond_the_poll() -> None:
    stage = Between(channels=2, capacity=2)
    stage.push(np.array([1, 0], np.int32), np.array([0, 1]), judged([0.25, 0.75]), ROWS)
    found = stage.push(np.array([0, 1, 1], np.int32), np.empty(0, np.int64), judged([]), ROWS)
    assert found.score.tolist() == [0.75, 0.25, 0.25]


def test_a_row_without_any_value_has_no_score_and_ends_nothing() -> None:
    rows = np.array([[0, 0], [np.nan, 0], [np.nan, np.nan], [0, 0]], np.float32)
    found = Between(channels=2, capacity=1).push(np.zeros(4, np.int32), np.array([0]), judged([0.25]), rows)
    np.testing.assert_array_equal(found.score, [0.25, 0.25, np.nan, 0.25])
