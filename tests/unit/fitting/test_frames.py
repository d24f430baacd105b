"""DataFrames: channels, units of time, order, repeated times."""

import numpy as np
import pandas as pd
import pytest

from detector.errors import DataError, SchemaMismatch
from detector.fitting.frames import align, channels_of, ordered_times, schema_of, times
from detector.windows.schema import NS

FIRST_S = 1_767_225_600  # 2026-01-01


def frame(stamps, **channels) -> pd.DataFrame:
    stamps = pd.Series(stamps)
    return pd.DataFrame({"timestamp": stamps, **(channels or {"flow": np.arange(len(stamps), dtype=float)})})


@pytest.mark.parametrize("per_second", [1, 10**3, 10**6, 10**9])
def test_integers_are_read_by_their_size(per_second):
    stamps = (FIRST_S + np.arange(5)) * per_second
    np.testing.assert_array_equal(times(frame(stamps)), (FIRST_S + np.arange(5)) * NS)


def test_small_integers_are_row_numbers():
    data = frame(np.arange(40))
    np.testing.assert_array_equal(times(data), np.arange(40) * NS)
    schema = schema_of([data])
    assert not schema.has_clock
    assert schema.interval_s == 1
    assert schema_of([frame(FIRST_S + 60 * np.arange(40))]).has_clock


@pytest.mark.parametrize(
    "stamps",
    [
        pd.date_range("2026-01-01", periods=3, freq="s"),
        pd.date_range("2026-01-01", periods=3, freq="s", tz="UTC").as_unit("ms"),
        pd.date_range("2026-01-01T02:00", periods=3, freq="s", tz="Europe/Helsinki"),
        ["2026-01-01T00:00:00Z", "2026-01-01 02:00:01+02:00", "2026-01-01T00:00:02"],
    ],
    ids=["naive", "utc", "zone", "text"],
)
def test_the_same_moments_in_any_clothes(stamps):
    np.testing.assert_array_equal(times(frame(stamps)), (FIRST_S + np.arange(3)) * NS)


def test_the_index_serves_as_time():
    data = frame(pd.date_range("2026-01-01", periods=4, freq="min"))
    np.testing.assert_array_equal(times(data.set_index("timestamp")), times(data))
    np.testing.assert_array_equal(times(data[["flow"]]), np.arange(4) * NS)


@pytest.mark.parametrize(
    "data,sentence",
    [
        (frame([1, 2]).set_index(pd.Index(["a", "b"]))[["flow"]], "no column 'timestamp'"),
        (frame([1.5, 2.5]), "float64"),
        (frame(pd.to_datetime(["2026-01-01", None])), "row 2 has no timestamp"),
        (frame(["2026-01-01", "yesterday"]), "row 2 has no timestamp"),
        (frame([20260101000000, 20260101000001]), "20260101000001"),
        (frame(["0001-01-01", "0001-01-02"]), "years 1678"),
    ],
)
def test_times_that_cannot_be_used(data, sentence):
    with pytest.raises(DataError, match=sentence):
        times(data)


def test_rows_are_put_in_order_and_equal_times_apart():
    order, time_ns = ordered_times(frame([20, 10, 10, 40, 20, 20]))
    assert order.tolist() == [1, 2, 0, 4, 5, 3]
    assert (time_ns / NS).round(3).tolist() == [10, 15, 20, 26.667, 33.333, 40]


@pytest.mark.parametrize(
    "stamps", [[5] * 9, 10**18 + np.repeat([0, 1, 9], 4), np.repeat(np.arange(20), 3)], ids=["one", "dense", "steady"]
)
def test_every_row_gets_a_time_of_its_own(stamps):
    _, time_ns = ordered_times(frame(stamps))
    assert (np.diff(time_ns) > 0).all()
    assert len(align(schema_of([frame(stamps)]), frame(stamps), "here")) == len(stamps)


def test_channels_are_the_numeric_columns():
    data = frame([1, 2], flow=[1, 2], on=[True, False], note=["a", "b"], is_anomaly=[0, 1], load=[0.5, np.nan])
    assert channels_of(data) == ("flow", "on", "load")
    assert schema_of([data]).names == ("flow", "on", "load")
    with pytest.raises(DataError, match="no numeric channel"):
        schema_of([data[["timestamp", "note", "is_anomaly"]]])


def test_series_must_share_their_channels():
    with pytest.raises(SchemaMismatch, match=r"series 2 lacks 'flow'.*unknown 'head'"):
        schema_of([frame([1, 2]), frame([1, 2], head=[1.0, 2.0])])


def test_aligned_rows_follow_the_schema_and_hold_their_last_value():
    data = frame([3, 1, 2], b=[30.0, 10.0, np.inf], a=pd.array([3, 1, None], dtype="Int64"))
    schema = schema_of([frame([1, 2], a=[1.0, 2.0], b=[1.0, 2.0])])
    samples = align(schema, data, "here")
    assert samples.values.tolist() == [[1, 10], [1, 10], [3, 30]]
    assert samples.start.tolist() == [True, False, False]


def test_columns_may_have_numbers_for_names():
    data = pd.DataFrame(np.ones((4, 2)))
    assert align(schema_of([data]), data, "here").values.shape == (4, 2)
