"""What every layout promises in every wire format; a new one joins by a line in CASES."""

from typing import NamedTuple

import numpy as np
import pytest

from pipelines.io.base import NO_TIME, Decoded, RawBatch
from pipelines.io.decoders.binary import BinaryConfig
from pipelines.io.decoders.binary_format import encode
from pipelines.io.decoders.envelope import EnvelopeConfig
from pipelines.io.decoders.long import LongConfig
from pipelines.io.decoders.table import DecoderConfig
from pipelines.io.decoders.wide import WideConfig

CHANNELS = ("flow", "pressure")


class Case(NamedTuple):
    config: DecoderConfig
    records: list[bytes]  # pump-1 at 10 s: flow 1.5; pump-2 at 11 s: pressure 2.5
    header: tuple[str, ...] | None = None


CASES = {
    "wide json": Case(
        WideConfig(entity="tags.pump"),
        [
            b'{"timestamp":10,"tags":{"pump":"pump-1"},"flow":1.5}',
            b'{"timestamp":"1970-01-01T00:00:11Z","tags.pump":"pump-2","pressure":"2.5","flow":null}',
        ],
    ),
    "long json": Case(
        LongConfig(entity="id"),
        [
            b'{"timestamp":10.0,"id":"pump-1","channel":"flow","value":1.5}',
            b'{"timestamp":"11","id":"pump-2","channel":"pressure","value":2.5}',
        ],
    ),
    "envelope": Case(
        EnvelopeConfig(entity="id"),
        [
            b'{"timestamp":[10],"id":"pump-1","values":{"flow":[1.5],"level":[7]}}',
            b'{"timestamp":"1970-01-01T00:00:11Z","id":"pump-2","values":{"pressure":["2.5"],"flow":[null]}}',
        ],
    ),
    "binary": Case(
        BinaryConfig(channels={"pressure": "p bar"}),
        [
            encode("pump-1", ["flow", "level"], [[1.5, 7]], start_ns=10**10),
            encode("pump-2", ["p bar"], [[2.5]], times_ns=[11 * 10**9], wide=True),
        ],
    ),
    "wide csv": Case(
        WideConfig(entity="id", channels={"pressure": "p bar"}),
        [b"10,pump-1,1.5,", b'11,"pump-2",,2.5'],
        ("timestamp", "id", "flow", "p bar"),
    ),
    "long csv": Case(
        LongConfig(entity="id"),
        [b"pump-1,10,flow,1.5", b"pump-2,11,pressure,2.5"],
        ("id", "timestamp", "channel", "value"),
    ),
}
BROKEN = [b"", b"\x00\xff", b"{", b"[1]", b"[" * 64, b'"', b"null", b",,,,,,", b"{}" * 5, b"x" * 100_000]


def _decode(case: Case, records: list[bytes]) -> Decoded:
    count = len(records)
    batch = RawBatch(
        records=records,
        keys=["key"] * count,
        partition=np.full(count, 3, np.int32),
        offset=np.arange(100, 100 + count),
        timestamp_ns=np.full(count, NO_TIME),
        header=case.header,
    )
    return case.config.open(CHANNELS).decode(batch)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_readings_carry_series_time_values_and_position(case: Case) -> None:
    decoded = _decode(case, case.records)
    readings = decoded.readings
    assert [decoded.keys[place] for place in readings.series] == ["pump-1", "pump-2"]
    assert readings.time_ns.tolist() == [10_000_000_000, 11_000_000_000]
    np.testing.assert_array_equal(readings.values, [[1.5, np.nan], [np.nan, 2.5]])
    assert readings.partition.tolist() == [3, 3]
    assert readings.offset.tolist() == [100, 101]
    kinds = [a.dtype for a in (readings.series, readings.time_ns, readings.values, readings.partition, readings.offset)]
    assert kinds == [np.int32, np.int64, np.float64, np.int32, np.int64]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize("broken", BROKEN, ids=range(len(BROKEN)))
def test_what_cannot_be_read_becomes_a_dead_letter_and_its_neighbours_do_not_change(case: Case, broken: bytes) -> None:
    decoded = _decode(case, [case.records[0], broken, case.records[1]])
    assert decoded.readings.offset.tolist() == [100, 102]
    np.testing.assert_array_equal(decoded.readings.values, [[1.5, np.nan], [np.nan, 2.5]])
    (letter,) = decoded.rejects
    assert (letter.partition, letter.offset, letter.record) == (3, 101, broken)
    assert letter.reason
    assert letter.detail.endswith(".")


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_nothing_but_broken_records_and_no_record_at_all(case: Case) -> None:
    assert len(_decode(case, []).readings) == 0
    decoded = _decode(case, BROKEN)
    assert len(decoded.readings) == 0
    assert [letter.offset for letter in decoded.rejects] == list(range(100, 100 + len(BROKEN)))
    assert not decoded.keys, "a broken record must not make a series"


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_readings_do_not_depend_on_how_the_stream_is_cut(case: Case) -> None:
    records = [*case.records, b"broken", *case.records] * 3
    whole = _decode(case, records).readings
    parts = [_decode(case, [record]).readings for record in records]
    np.testing.assert_array_equal(whole.values, np.concatenate([p.values for p in parts]))
    np.testing.assert_array_equal(whole.time_ns, np.concatenate([p.time_ns for p in parts]))
