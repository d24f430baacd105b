"""Ring buffers: order, beginnings, hops, room and eviction."""

import numpy as np
import pytest

from detector.errors import ConfigError
from detector.types import Floats, SampleBatch, WindowBatch
from detector.windows.buffer import WindowBuffer
from detector.windows.gather import gathered

NAN = np.nan


def samples(series: list[int], cells: list[int], starts: list[int] | None = None) -> SampleBatch:
    n = len(series)
    cell = np.array(cells, np.int64)
    start = np.array(starts if starts is not None else [0] * n, bool)
    return SampleBatch(
        np.array(series, np.int32), cell * 10, np.zeros((n, 1)), cell, start, np.zeros(n, np.int32), np.arange(n)
    )


def push(buffer: WindowBuffer, batch: SampleBatch) -> WindowBatch:
    return buffer.push(batch, batch.cell[:, None].astype(np.float32))


def windows(batch: WindowBatch, length: int) -> Floats:
    return gathered(batch.rows, batch.end, length)


def test_windows_that_follow_each_other_share_their_rows() -> None:
    buffer = WindowBuffer(3, 1, hop=2)
    batch = push(buffer, samples([0] * 5 + [1, 0, 0, 0], [2, 3, 4, 5, 6, 2, 7, 8, 12], [1] + [0] * 4 + [1, 0, 0, 1]))
    assert batch.cell.tolist() == [2, 4, 6, 2, 8, 12]
    assert batch.end.tolist() == [3, 5, 7, 10, 13, 16], "another series in between, or a new run, begins afresh"
    np.testing.assert_array_equal(windows(batch, 3)[[1, 2, 4], :, 0], [[2, 3, 4], [4, 5, 6], [6, 7, 8]])
    assert np.isnan(windows(batch, 3)[[0, 3, 5], :2]).all()


def test_windows_hold_the_newest_rows_oldest_first() -> None:
    batch = push(WindowBuffer(3, 1), samples([0] * 5, [4, 5, 6, 7, 8], [1, 0, 0, 0, 0]))
    np.testing.assert_array_equal(
        windows(batch, 3)[..., 0], [[NAN, NAN, 4], [NAN, 4, 5], [4, 5, 6], [5, 6, 7], [6, 7, 8]]
    )
    assert batch.filled.tolist() == [1, 2, 3, 3, 3]
    assert batch.previous_cell.tolist() == [-1, 4, 5, 6, 7]
    assert batch.time_ns.tolist() == [40, 50, 60, 70, 80]


def test_a_start_hides_the_rows_of_the_run_before() -> None:
    buffer = WindowBuffer(3, 1)
    push(buffer, samples([0] * 4, [0, 1, 2, 3]))
    batch = push(buffer, samples([0, 0], [9, 10], [1, 0]))
    np.testing.assert_array_equal(windows(batch, 3)[..., 0], [[NAN, NAN, 9], [NAN, 9, 10]])
    assert batch.previous_cell.tolist() == [-1, 9]


def test_hop_makes_a_window_due_when_a_multiple_is_crossed() -> None:
    buffer = WindowBuffer(2, 1, hop=4)
    batch = push(buffer, samples([0] * 7, [1, 2, 3, 4, 5, 7, 13], [1, 0, 0, 0, 0, 0, 0]))
    assert batch.cell.tolist() == [1, 4, 13]
    np.testing.assert_array_equal(windows(batch, 2)[-1, :, 0], [7, 13])


def test_update_leaves_the_state_that_push_leaves() -> None:
    one, other = WindowBuffer(3, 1, hop=2), WindowBuffer(3, 1, hop=2)
    past = samples([0, 1, 0, 0, 1, 0], [0, 0, 1, 2, 1, 3], [1, 1, 0, 0, 0, 0])
    push(one, past)
    other.update(past, past.cell[:, None].astype(np.float32))
    now = samples([1, 0], [2, 4])
    np.testing.assert_array_equal(windows(push(one, now), 3), windows(push(other, now), 3))


def test_grows_for_larger_ids_and_keeps_what_it_holds() -> None:
    buffer = WindowBuffer(2, 1, capacity=1)
    push(buffer, samples([0], [1]))
    push(buffer, samples([9], [1]))
    assert buffer.capacity >= 10
    np.testing.assert_array_equal(windows(push(buffer, samples([0], [2])), 2)[0, :, 0], [1, 2])


def test_an_evicted_id_starts_from_nothing() -> None:
    buffer = WindowBuffer(2, 1)
    push(buffer, samples([0, 1], [1, 1]))
    buffer.evict(np.array([0], np.int32))
    batch = push(buffer, samples([0, 1], [2, 2]))
    np.testing.assert_array_equal(windows(batch, 2)[..., 0], [[NAN, 2], [1, 2]])
    assert batch.previous_cell.tolist() == [-1, 1]


def test_an_idle_series_costs_little() -> None:
    assert WindowBuffer(64, 8).nbytes_per_series <= 2_100


def test_an_empty_batch_gives_no_windows() -> None:
    assert windows(push(WindowBuffer(4, 1), samples([], [])), 4).shape == (0, 4, 1)


def test_refuses_what_would_corrupt_memory() -> None:
    buffer = WindowBuffer(2, 1)
    with pytest.raises(ValueError, match="negative"):
        push(buffer, samples([-1], [0]))
    with pytest.raises(ValueError, match="shape"):
        buffer.push(samples([0], [0]), np.zeros((1, 2), np.float32))
    with pytest.raises(ConfigError, match="at least 1"):
        WindowBuffer(0, 1)
