"""Series keys and their ids."""

import numpy as np
import pytest

from detector.windows.entities import SeriesIndex


def test_ids_are_dense_stable_and_in_order_of_first_meeting() -> None:
    index = SeriesIndex()
    ids = index.ids(["b", "a", "b", "c"])
    assert ids.dtype == np.int32
    assert ids.tolist() == [0, 1, 0, 2]
    assert index.ids(["c", "a"]).tolist() == [2, 1]
    assert index.keys == ["b", "a", "c"]
    assert len(index) == index.capacity == 3


def test_released_ids_are_given_out_again_smallest_first() -> None:
    index = SeriesIndex()
    index.ids(["a", "b", "c"])
    index.release(np.array([2, 0], np.int32))
    assert "a" not in index
    assert index.ids(["d", "a", "e"]).tolist() == [0, 2, 3]
    assert index.key(0) == "d"


def test_keys_that_were_taken_keep_the_names_of_ids_released_since() -> None:
    index = SeriesIndex()
    index.ids(["a", "b"])
    taken = index.keys
    index.release([0])
    index.ids(["c"])
    assert (taken, index.keys) == (["a", "b"], ["c", "b"])


@pytest.mark.parametrize("series", [-1, 0, 1])
def test_an_id_that_names_nothing_is_an_error(series: int) -> None:
    index = SeriesIndex()
    index.ids(["a"])
    index.release([0])
    with pytest.raises(KeyError, match="not in use"):
        index.key(series)


def test_an_index_without_keys_answers_an_empty_batch() -> None:
    assert SeriesIndex().ids([]).shape == (0,)
