import numpy as np
import pytest

from pipelines.io.base import NO_TIME, Decoded, RawBatch
from pipelines.io.decoders.json_columns import lookup
from pipelines.io.decoders.long import LongConfig
from pipelines.io.decoders.times import TimeField, Unit, parse
from pipelines.io.decoders.wide import WideConfig

S = 1_000_000_000


def _wide(*records: bytes, header: tuple[str, ...] | None = None, at_ns: int = NO_TIME, **options: object) -> Decoded:
    count = len(records)
    numbers = np.zeros(count, np.int32), np.arange(count), np.full(count, at_ns)
    batch = RawBatch(list(records), [None] * count, *numbers, header)
    return WideConfig(**options).open(("x", "y")).decode(batch)


def _reasons(decoded: Decoded) -> list[str]:
    return [letter.reason for letter in decoded.rejects]


@pytest.mark.parametrize(
    ("value", "unit", "time_ns"),
    [
        (1458229140, "auto", 1458229140 * S),
        (1720474028903, "auto", 1720474028903 * 10**6),
        (1720474028903123, "auto", 1720474028903123 * 10**3),
        (1710856626905833677, "auto", 1710856626905833677),
        ("1710856626905833677", "auto", 1710856626905833677),
        (1458229140.25, "auto", 1458229140 * S + S // 4),
        ("1677577561.000000", "s", 1677577561 * S),
        (7, "ms", 7_000_000),
        (-5, "s", -5 * S),
        ("2019-05-28T23:32:29.025256+0200", "auto", 1559079149025256000),
        ("2014-04-01 00:00:00", "iso", 1396310400 * S),
        (0, "auto", 0),
    ],
)
def test_times_as_the_field_writes_them(value: object, unit: Unit, time_ns: int) -> None:
    found, bad = parse([None, value], unit)
    assert found.tolist() == [NO_TIME, time_ns]
    assert not bad.any()


@pytest.mark.parametrize("value", ["soon", "now", "today", True, [1], {}, 1e300, float("inf"), 10**30, -(10**30)])
def test_what_is_no_time(value: object) -> None:
    found, bad = parse([value, 1], "auto")
    assert found.tolist() == [NO_TIME, S]
    assert bad.tolist() == [True, False]


def test_a_number_is_no_iso_time() -> None:
    assert parse([3, 3.5, "3"], "iso")[1].all()


def test_dotted_paths_and_keys_with_dots() -> None:
    document = {"a": {"b.c": {"d": 1}}, "a.b": {"x": 2}, "id.orig_h": "h"}
    assert lookup(document, "a.b.c.d") == 1
    assert lookup(document, "a.b.x") == 2
    assert lookup(document, "id.orig_h") == "h"
    assert lookup(document, "a.none.d") is None


def test_the_record_timestamp_stands_in_for_an_absent_field_but_not_for_a_broken_one() -> None:
    decoded = _wide(b'{"x":1}', b'{"x":1,"timestamp":"soon"}', at_ns=5 * S)
    assert decoded.readings.time_ns.tolist() == [5 * S]
    assert _reasons(decoded) == ["bad_timestamp"]


def test_without_any_time_a_record_is_a_dead_letter() -> None:
    assert _reasons(_wide(b'{"x":1}')) == ["no_timestamp"]


def test_the_records_own_time_can_be_chosen() -> None:
    assert _wide(b'{"x":1,"timestamp":1}', at_ns=9, timestamp=None).readings.time_ns.tolist() == [9]


def test_reasons_of_dead_letters() -> None:
    decoded = _wide(
        b'{"timestamp":1,"x":"ERR","who":"a"}',
        b'{"timestamp":1,"z":1,"who":"a"}',
        b'{"timestamp":1,"x":1}',
        entity="who",
    )
    assert _reasons(decoded) == ["bad_value", "no_value", "no_entity"]


def test_nan_null_and_empty_are_missing_values() -> None:
    values = _wide(b'{"timestamp":1,"x":"NaN","y":1}', b'{"timestamp":1,"x":"","y":null}', b'{"timestamp":1,"y":1}')
    np.testing.assert_array_equal(values.readings.values, [[np.nan, 1], [np.nan, 1]])
    assert _reasons(values) == ["no_value"]


def test_csv_rows_with_empty_fields_are_rows() -> None:
    decoded = _wide(b"1,,", b"2,3,NaN", b"3,inf,True", header=("timestamp", "x", "y"))
    np.testing.assert_array_equal(decoded.readings.values, [[np.nan, np.nan], [3, np.nan], [np.inf, 1]])


def test_csv_keeps_entities_as_they_are_written() -> None:
    lines = [b"1,007,1", b"2,7,1", b"3,,1"]
    batch = RawBatch(
        lines, [None] * 3, np.zeros(3, np.int32), np.arange(3), np.full(3, NO_TIME), ("timestamp", "id", "x")
    )
    decoded = WideConfig(entity="id").open(("x",)).decode(batch)
    assert decoded.keys == ["007", "7"]
    assert _reasons(decoded) == ["no_entity"]


def test_csv_lines_with_too_few_or_too_many_fields_or_an_open_quote() -> None:
    decoded = _wide(b"1,2", b'2,"3,4', b"3,4,5", b"4,5,6,7", b'5,"6",7', header=("timestamp", "x", "y"))
    assert _reasons(decoded) == ["ragged"] * 3
    assert decoded.readings.values.tolist() == [[4, 5], [6, 7]]


def test_an_unknown_channel_is_a_dead_letter() -> None:
    record = b'{"timestamp":1,"channel":"voltage","value":1}'
    batch = RawBatch([record], ["k"], np.zeros(1, np.int32), np.arange(1), np.full(1, NO_TIME))
    decoded = LongConfig(timestamp=TimeField(unit="s")).open(("x",)).decode(batch)
    assert _reasons(decoded) == ["unknown_channel"]
