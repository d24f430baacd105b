import numpy as np

from detector.types import ReadingBatch, SampleBatch
from pipelines.io.base import Position
from pipelines.stream.recovery import BLOCK_ROWS, Rewind


def _readings(series: list[int], offsets: list[int], values: list[list[float]], partition: int = 0) -> ReadingBatch:
    count = len(series)
    return ReadingBatch(
        np.array(series, np.int32),
        np.arange(count),
        np.array(values, np.float64).reshape(count, -1 if count else 1),
        np.full(count, partition, np.int32),
        np.array(offsets, np.int64),
    )


def _rows(readings: ReadingBatch) -> SampleBatch:
    return SampleBatch(
        readings.series,
        readings.time_ns,
        readings.values,
        readings.time_ns,
        np.zeros(len(readings), np.bool_),
        readings.partition,
        readings.offset,
    )


def _fed(rewind: Rewind, readings: ReadingBatch) -> None:
    rewind.note(readings, _rows(readings))
    rewind.read(readings.partition, readings.offset)


def test_nothing_was_replayed_without_a_checkpoint_and_nothing_is_positioned_unread() -> None:
    rewind = Rewind(10, 1, {})
    assert not rewind.replayed(np.zeros(3, np.int32), np.arange(3)).any()
    assert rewind.positions() == {}


def test_records_before_the_committed_offset_are_replayed_per_partition() -> None:
    rewind = Rewind(10, 1, {0: Position(5, 2), 2: Position(3, 0)})
    partition = np.array([0, 0, 1, 2, 2], np.int32)
    assert rewind.replayed(partition, np.array([4, 5, 0, 2, 3])).tolist() == [True, False, False, True, False]


def test_the_rewind_covers_the_memory_and_little_more() -> None:
    memory = 40
    rewind = Rewind(memory, 1, {})
    for offset in range(500):
        _fed(rewind, _readings([0], [offset], [[1.0]]))
        position = rewind.positions()[0]
        assert position.next_offset == offset + 1
        assert position.rewind_offset <= max(0, offset + 1 - memory)
        assert position.rewind_offset >= offset - memory - 2 * BLOCK_ROWS


def test_a_quiet_series_keeps_its_own_rows_until_it_is_evicted() -> None:
    rewind = Rewind(20, 1, {})
    _fed(rewind, _readings([0], [0], [[1.0]]))
    for offset in range(1, 200):
        _fed(rewind, _readings([1], [offset], [[1.0]]))
    assert rewind.positions()[0].rewind_offset == 0
    rewind.evict(np.array([0], np.int32))
    assert rewind.positions()[0].rewind_offset > 100


def test_a_held_value_is_reached_back_to() -> None:
    rewind = Rewind(20, 2, {})
    _fed(rewind, _readings([0], [0], [[1.0, 7.0]]))
    for offset in range(1, 200):
        _fed(rewind, _readings([0], [offset], [[1.0, np.nan]]))
    assert rewind.positions()[0].rewind_offset == 0, "the second channel still holds the value of the first record"


def test_readings_that_closed_no_row_yet_are_needed() -> None:
    rewind = Rewind(20, 1, {})
    readings = _readings([3], [8], [[1.0]])
    rewind.note(readings, _rows(_readings([], [], [])))
    rewind.read(np.zeros(1, np.int32), np.array([11]))
    assert rewind.positions() == {0: Position(12, 8)}


def test_a_partition_without_live_series_rewinds_nothing() -> None:
    rewind = Rewind(20, 1, {})
    rewind.read(np.full(2, 4, np.int32), np.array([6, 7]))
    assert rewind.positions() == {4: Position(8, 8)}


def test_a_checkpoint_while_records_are_read_again_forgets_none_of_them() -> None:
    rewind = Rewind(20, 1, {0: Position(100, 40), 1: Position(5, 5)})
    assert rewind.positions() == {0: Position(100, 40), 1: Position(5, 5)}, "nothing was read again yet"
    _fed(rewind, _readings([0], [70], [[1.0]]))
    assert rewind.positions()[0] == Position(100, 70), "what lies before was read and left nothing"
    rewind.evict(np.array([0], np.int32))
    assert rewind.positions()[0] == Position(100, 71), "other series may need what comes"
