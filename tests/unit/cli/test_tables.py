"""CSV files as tables, every complaint with its line."""

import gzip

import numpy as np
import pandas as pd
import pytest

from detector.errors import DataError
from pipelines.io.frames import Table, read_table


@pytest.fixture
def read(tmp_path):
    def read(content: str | bytes, name: str = "pump.csv") -> Table:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_table(path)

    return read


def test_channels_labels_and_stamps_as_written(read):
    table = read("timestamp,flow,on,is_anomaly\n2026-01-01T00:00:00Z, 1.5,1,0\n2026-01-01T01:00:00+01:00,,0,1\n")
    assert table.frame.columns.tolist() == ["timestamp", "flow", "on"]
    assert table.stamps == ["2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00"]
    assert table.labels.tolist() == [False, True]
    np.testing.assert_array_equal(table.frame.flow, [1.5, np.nan])
    assert [note.partition(": ")[2] for note in table.notes] == [
        "1 rows repeat a time; each is taken as a row of its own."
    ]


@pytest.mark.parametrize("label,expected", [("1", True), ("0", False), ("True", True), ("False", False), ("", False)])
def test_labels_in_any_clothes(read, label, expected):
    assert read(f"timestamp,flow,is_anomaly\n1,2,{label}\n2,2,0\n").labels.tolist() == [expected, False]


@pytest.mark.parametrize(
    "content", ["timestamp,flow\n1,2\n2,3\n", "timestamp,flow\n1,2\n2,3", "timestamp,flow\r\n1,2\r\n\r\n2,3\r\n"]
)
@pytest.mark.parametrize("clothes", ["plain", "gz", "bom"])
def test_line_ends_blank_lines_compression_and_marks(read, content, clothes):
    data = content.encode()
    name = "pump.csv.gz" if clothes == "gz" else "pump.csv"
    data = gzip.compress(data) if clothes == "gz" else b"\xef\xbb\xbf" + data if clothes == "bom" else data
    table = read(data, name)
    assert table.frame.timestamp.tolist() == [1, 2]
    assert table.frame.flow.tolist() == [2, 3]


def test_decimal_seconds_are_times(read):
    times = read("timestamp,flow\n1767225600.5,1\n1767225601,1\n").frame.timestamp
    assert (
        times.tolist() == pd.to_datetime(["2026-01-01T00:00:00.5Z", "2026-01-01T00:00:01Z"], format="ISO8601").tolist()
    )


def test_cells_that_are_no_numbers_are_missing_and_said_so(read):
    table = read("timestamp,flow,note\n1,2,ok\n2,broken,ok\n3,inf,nan\n4,NaN,x\n5,4,y\n")
    assert table.frame.columns.tolist() == ["timestamp", "flow"]
    np.testing.assert_array_equal(table.frame.flow, [2, np.nan, np.nan, np.nan, 4])
    told = " ".join(table.notes)
    assert "1 cells of 'flow' are no numbers" in told
    assert "column 'note' holds text and is left out" in told


def test_rows_out_of_order_are_said_so(read):
    assert "not in order of time" in read("timestamp,flow\n2,1\n1,1\n").notes[0]


@pytest.mark.parametrize(
    "content,sentence",
    [
        ("", "is empty"),
        (" \n\n", "is empty"),
        ("timestamp,flow\n", "a header but no rows"),
        ("time,flow\n1,2\n", "no column 'timestamp'"),
        ("timestamp,flow,flow \n1,2,3\n", "two columns named 'flow'"),
        ("timestamp,flow\n1,2\n2\n", "line 3: 1 fields where the header has 2"),
        ("timestamp,flow\n1,2,3\n", "line 2: 3 fields"),
        ('timestamp,flow,note\n1,2,"a"\n1,2,"a,b",4\n', "cannot be read as CSV"),
        ("timestamp,note\n1,a\n2,b\n", "no numeric channel"),
        ("timestamp\n1\n2\n", "no numeric channel"),
        ("timestamp,flow\n2026-01-01,1\n17,1\n", "line 3: timestamp '17' where an ISO-8601 time is expected"),
        ("timestamp,flow\n2026-01-01,1\nnoon,1\n", "line 3: timestamp 'noon' where an ISO-8601 time is"),
        ("timestamp,flow\n1,1\n,1\n3,1\n", "line 3: timestamp '' where a number"),
        ("timestamp,flow\n" + "9" * 30 + ",1\n", "too large"),
        ("timestamp,flow\n1e30,1\n", "line 2"),
        ("timestamp,flow\n0001-01-01,1\n", "years 1678"),
        (b"timestamp,fl\xffow\n1,2\n", "cannot be read"),
    ],
)
def test_files_that_cannot_be_used(read, content, sentence):
    with pytest.raises(DataError, match=sentence) as told:
        read(content)
    assert "pump.csv" in str(told.value)
    assert "\n" not in str(told.value)


def test_a_folder_a_missing_file_and_a_broken_archive(tmp_path, read):
    with pytest.raises(DataError, match="does not exist"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(DataError, match="cannot be read"):
        read_table(tmp_path)
    whole = gzip.compress(b"timestamp,flow\n" + b"1,2\n" * 50)
    for broken in (b"plain", whole[:-12], whole[:20] + b"\0\0\0" + whole[23:]):
        with pytest.raises(DataError, match="cannot be read"):
            read(broken, "pump.csv.gz")
