"""Records of many samples: the same readings as one by one, and nothing that they hold does harm."""

import json
import re
import struct
import tracemalloc
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.io.base import NO_TIME, Decoded, RawBatch
from pipelines.io.decoders.binary import BinaryConfig
from pipelines.io.decoders.binary_format import encode, read
from pipelines.io.decoders.envelope import EnvelopeConfig
from pipelines.io.decoders.table import DecoderConfig
from pipelines.io.decoders.wide import WideConfig

CHANNELS = ("flow", "pressure", "current")
S = 1_000_000_000
JSON, BINARY = EnvelopeConfig(entity="id"), BinaryConfig()
FLOW = [[1.0, 2.0, 3.0]]


def decoded(config: DecoderConfig, records: Sequence[bytes], at_ns: int = NO_TIME) -> Decoded:
    count = len(records)
    numbers = np.full(count, 3, np.int32), np.arange(count), np.full(count, at_ns)
    return config.open(CHANNELS).decode(RawBatch(list(records), [None] * count, *numbers))


def envelope(**fields: object) -> bytes:
    return orjson.dumps({"id": "pump", "timestamp": 100, "interval_s": 2, "values": {"flow": [1, 2, 3]}} | fields)


def reason(config: DecoderConfig, record: bytes) -> str:
    found = decoded(config, [record])
    assert not len(found.readings)
    (letter,) = found.rejects
    assert letter.detail.endswith(".")
    return letter.reason


@pytest.mark.parametrize("spaced", [True, False])
@pytest.mark.parametrize("kind", ["envelope", "binary"])
def test_envelopes_give_what_their_samples_give_one_by_one(kind: str, spaced: bool) -> None:
    rng = np.random.default_rng(0)
    config: DecoderConfig = JSON if kind == "envelope" else BINARY
    singles, records, offsets = [], [], []
    for number, count in enumerate((1, 64, 3, 7)):
        times = 100 * number + (np.arange(count) * 2 if spaced else np.sort(rng.choice(99, count, replace=False)))
        values = rng.normal(size=(count, 3)).astype(np.float32).astype(float)
        values[rng.random((count, 3)) < 0.2] = np.nan
        values[:, 0] = 1.5  # a record of one sample must hold a value
        columns = {
            name: [None if v != v else v for v in c] for name, c in zip(CHANNELS, values.T.tolist(), strict=True)
        }
        for at, row in zip(times.tolist(), values.tolist(), strict=True):
            known = {name: v for name, v in zip(CHANNELS, row, strict=True) if v == v}
            singles.append(orjson.dumps({"id": f"pump-{number % 2}", "timestamp": at, **known}))
            offsets.append(number)
        if kind == "envelope":
            clock = {"timestamp": times[0], "interval_s": 2.0} if spaced else {"timestamp": times.tolist()}
            fields = {"id": f"pump-{number % 2}", "values": columns, **clock}
            records.append(orjson.dumps(fields, option=orjson.OPT_SERIALIZE_NUMPY))
        else:
            stamps = {"start_ns": int(times[0]) * S, "step_ns": 2 * S} if spaced else {"times_ns": times * S}
            records.append(encode(f"pump-{number % 2}", CHANNELS, values, **stamps))
    ours, theirs = decoded(config, records).readings, decoded(WideConfig(entity="id"), singles).readings
    assert ours.series.tolist() == theirs.series.tolist()
    assert ours.time_ns.tolist() == theirs.time_ns.tolist()
    np.testing.assert_array_equal(ours.values, theirs.values)
    assert ours.offset.tolist() == offsets
    assert set(ours.partition.tolist()) == {3}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"values": None}, "no_value"),
        ({"values": [1, 2]}, "no_value"),
        ({"values": {}}, "no_value"),
        ({"values": {"level": [1]}}, "no_value"),
        ({"values": {"flow": []}}, "no_value"),
        ({"values": {"flow": 1}}, "ragged"),
        ({"values": {"flow": "12"}}, "ragged"),
        ({"values": {"flow": [1, 2], "pressure": [1]}}, "ragged"),
        ({"timestamp": [1, 2]}, "ragged"),
        ({"values": {"flow": [1, "x", 3]}}, "bad_value"),
        ({"values": {"flow": [1, {}, 3]}}, "bad_value"),
        ({"values": {"flow": [[1], [2], [3]]}}, "bad_value"),
        ({"values": {"flow": [[1], 2, 3]}}, "bad_value"),
        ({"interval_s": None}, "bad_interval"),
        ({"interval_s": 0}, "bad_interval"),
        ({"interval_s": -1}, "bad_interval"),
        ({"interval_s": "1"}, "bad_interval"),
        ({"interval_s": True}, "bad_interval"),
        ({"interval_s": 1e300}, "bad_interval"),
        ({"interval_s": 9e9}, "no_timestamp"),
        ({"timestamp": None}, "no_timestamp"),
        ({"timestamp": [1, None, 3]}, "no_timestamp"),
        ({"timestamp": "soon"}, "bad_timestamp"),
        ({"timestamp": {}}, "bad_timestamp"),
        ({"timestamp": [1, "soon", 3]}, "bad_timestamp"),
        ({"timestamp": [1, 2, 9.3e18]}, "bad_timestamp"),
        ({"id": None}, "no_entity"),
        ({"id": ""}, "no_entity"),
        ({"values": {"flow": [1] * 4097}}, "too_many_samples"),
    ],
)
def test_an_envelope_is_taken_whole_or_not_at_all(fields: dict[str, object], expected: str) -> None:
    assert reason(JSON, envelope(**fields)) == expected


def test_the_record_s_own_timestamp_and_key_stand_in() -> None:
    found = decoded(EnvelopeConfig(timestamp=None), [envelope()], at_ns=7 * S).readings
    assert found.time_ns.tolist() == [7 * S, 9 * S, 11 * S]
    assert decoded(JSON, [envelope(timestamp=None)], at_ns=7 * S).readings.time_ns.tolist() == [7 * S, 9 * S, 11 * S]
    assert decoded(JSON, [envelope(timestamp=[4, 5, 6])], at_ns=7 * S).readings.time_ns.tolist() == [
        4 * S,
        5 * S,
        6 * S,
    ]
    assert len(decoded(BINARY, [encode("", ["flow"], [[1.0]])]).readings) == 1


def test_fields_can_be_named() -> None:
    config = EnvelopeConfig(values="data.v", interval="dt", channels={"flow": "F"})
    record = orjson.dumps({"timestamp": 1, "dt": 0.5, "data": {"v": {"F": [1, 2]}}})
    found = decoded(config, [record]).readings
    assert found.time_ns.tolist() == [S, S + S // 2]
    np.testing.assert_array_equal(found.values[:, 0], [1, 2])


def sealed(body: bytes) -> bytes:
    return body + struct.pack("<I", zlib.crc32(body))


GOOD = encode("pump", CHANNELS, np.arange(6.0).reshape(2, 3), start_ns=S, step_ns=S)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (GOOD[:-1], "bad_envelope"),
        (GOOD + b"\0", "bad_envelope"),
        (GOOD[:-8] + b"xxxx" + GOOD[-4:], "bad_checksum"),
        (sealed(b"RWS2" + GOOD[4:]), "not_binary"),
        (sealed(GOOD[:4] + b"\x04" + GOOD[5:-4]), "bad_envelope"),
        (sealed(GOOD[:5] + b"\x01" + GOOD[6:-4]), "bad_envelope"),
        (sealed(GOOD[:24] + struct.pack("<q", -1) + GOOD[32:-4]), "bad_envelope"),
        (sealed(GOOD[:16] + struct.pack("<q", -(2**63)) + GOOD[24:-4]), "no_timestamp"),
        (sealed(GOOD[:16] + struct.pack("<q", 2**63 - 1) + GOOD[24:-4]), "no_timestamp"),
        (sealed(GOOD[:24] + struct.pack("<q", 2**63 - 1) + GOOD[32:-4]), "no_timestamp"),
        (sealed(GOOD[:8] + struct.pack("<I", 2**32 - 1) + GOOD[12:-4]), "bad_envelope"),
        (sealed(GOOD[:32] + b"\xff" + GOOD[33:-4]), "bad_envelope"),
        (sealed(GOOD[:36] + b"\xff" + GOOD[37:-4]), "bad_envelope"),
        (sealed(GOOD.replace(b"flow\0", b"flow_")[:-4]), "bad_envelope"),
        (sealed(struct.pack("<4sBBHIHHqq", b"RWS1", 0, 0, 0, 5, 0, 0, 0, 1)), "bad_envelope"),
        (sealed(struct.pack("<4sBBHIHHqq", b"RWS1", 0, 0, 1, 0, 0, 4, 0, 1) + b"flow"), "no_value"),
        (sealed(encode("p", ["a" * 4, "b" * 4], [[1, 2]]).replace(b"bbbb", b"aaaa")[:-4]), "bad_envelope"),
        (encode("p", ["level"], [[1]]), "no_value"),
        (encode("p", ["flow"], np.zeros((4097, 1))), "too_many_samples"),
    ],
)
def test_a_binary_envelope_is_exactly_as_it_says(record: bytes, expected: str) -> None:
    assert reason(BINARY, record) == expected
    many = decoded(BINARY, [record] * 8)  # read together
    assert [letter.reason for letter in many.rejects] == [expected] * 8
    assert not len(many.readings)


def test_what_cannot_be_encoded() -> None:
    for channels, values, more in (
        (["a", "b"], FLOW, {}),
        (["a"], np.empty((0, 1)), {}),
        (["a", "a"], [[1, 2]], {}),
        (["a\0b"], [[1]], {}),
        (["a" * 70_000], [[1]], {}),
        (["a"], [[1]], {"times_ns": [1, 2]}),
    ):
        with pytest.raises(ValueError, match=r"expected|channel names"):
            encode("pump", channels, values, **more)  # type: ignore[arg-type]


def test_the_documented_bytes_are_what_the_text_says() -> None:
    text = (Path(__file__).parents[3] / "docs/envelopes.md").read_text()
    (block,) = re.findall(r"((?:    [0-9a-f ]+\n)+)", text)
    record = bytes.fromhex(block)
    assert record == encode("p", ["a", "b"], [[1, 2], [3, 4]], start_ns=0, step_ns=S)
    assert read(record).columns.tolist() == [[1, 3], [2, 4]]


@given(
    st.text(max_size=9),
    st.lists(
        st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=5),
        min_size=1,
        max_size=4,
        unique=True,
    ),
    st.integers(1, 9),
    st.booleans(),
    st.integers(0, 2**32),
)
def test_what_is_written_is_read(series: str, channels: list[str], samples: int, wide: bool, seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=(samples, len(channels))).astype(None if wide else np.float32)
    block = read(encode(series, channels, values, times_ns=np.arange(samples) * 7, wide=wide))
    assert (block.series, block.table) == (series, "\0".join(channels).encode())
    np.testing.assert_array_equal(block.columns, values.T)
    assert block.stamps_ns.tolist() == [7 * i for i in range(samples)]


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["flow", "pressure", "x"]), inner, max_size=3)
    ),
    max_leaves=12,
)


def unharmed(config: DecoderConfig, record: bytes) -> None:
    """A record gives readings or one dead letter, and its neighbours are as without it."""
    good = GOOD if config is BINARY else envelope()
    found = decoded(config, [good, record, good])
    alone = decoded(config, [good])
    count = len(alone.readings)
    assert len(found.rejects) == (1 if len(found.readings) == 2 * count else 0)
    np.testing.assert_array_equal(found.readings.values[:count], alone.readings.values)
    np.testing.assert_array_equal(found.readings.values[-count:], alone.readings.values)
    assert (found.readings.time_ns != NO_TIME).all()


@given(st.fixed_dictionaries({}, optional={"id": JUNK, "timestamp": JUNK, "interval_s": JUNK, "values": JUNK}))
def test_any_json_is_readings_or_a_dead_letter(fields: dict[str, object]) -> None:
    unharmed(JSON, json.dumps(fields).encode())


@given(st.binary(max_size=200))
def test_any_bytes_are_a_dead_letter(record: bytes) -> None:
    unharmed(JSON, record)
    unharmed(BINARY, record)
    unharmed(BINARY, sealed(b"RWS1" + record))


@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 5), st.integers(0, 255)), max_size=4))
def test_a_changed_binary_envelope_is_readings_or_a_dead_letter(changes: list[tuple[int, int]]) -> None:
    record = bytearray(GOOD[:-4])
    for at, value in changes:
        record[at] = value
    unharmed(BINARY, sealed(bytes(record)))
    if bytes(record) != GOOD[:-4]:
        assert decoded(BINARY, [bytes(record) + GOOD[-4:]]).rejects


def test_a_header_cannot_ask_for_memory() -> None:
    record = sealed(struct.pack("<4sBBHIHHqq", b"RWS1", 1, 0, 65_535, 2**32 - 1, 65_535, 65_535, 0, 1))
    decoder = BINARY.open(CHANNELS)
    batch = RawBatch([record], [None], np.zeros(1, np.int32), np.zeros(1, np.int64), np.zeros(1, np.int64))
    decoder.decode(batch)
    tracemalloc.start()
    decoder.decode(batch)
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()
