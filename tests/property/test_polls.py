"""Envelopes of a poll are read together: they give what each gives alone, whatever stands between them, bit for bit."""

import json
import struct
import zlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.windows.entities import SeriesIndex
from pipelines.io.base import NO_TIME, Decoded, RawBatch
from pipelines.io.decoders.binary import BinaryConfig
from pipelines.io.decoders.binary_format import encode
from pipelines.io.decoders.envelope import EnvelopeConfig
from pipelines.io.decoders.table import DecoderConfig

CHANNELS = ("flow", "pressure")
MOST = 6
TABLES = [["flow", "pressure"], ["pressure", "flow"], ["pressure"], ["level", "flow", "pressure"], ["level"]]
NAMES = ["", "a", "b", "pump-ü"]
SECOND = 1_000_000_000


SHAPES = st.tuples(st.sampled_from(TABLES), st.sampled_from([1, 2, 5, MOST + 1]), st.booleans(), st.booleans())
DAMAGE = ["", "", "", "", "", "flip", "seal", "name", "table", "cut", "long", "clock"]


@st.composite
def binary(draw: st.DrawFn, table: list[str], samples: int, wide: bool, timed: bool) -> bytes:
    """Records of one shape, some damaged, some of these sealed again."""
    table = draw(st.permutations(table))
    values = np.random.default_rng(draw(st.integers(0, 9))).normal(size=(samples, len(table)))
    values[values > 1.5] = np.nan
    start_ns, step_ns = draw(st.sampled_from([(5, 0), (-7, SECOND), (2**63 - 1, 1), (0, 2**62), (-(2**63), 0)]))
    stamps = {"times_ns": np.arange(samples) - 1} if timed else {"start_ns": start_ns, "step_ns": step_ns}
    name = draw(st.sampled_from(NAMES))
    record = encode(name, table, values, wide=wide, **stamps)
    at, bit = draw(st.integers(0, len(record) - 5)), draw(st.integers(0, 7))
    names = 32 + len(name.encode())
    clock = struct.pack("<qq", draw(st.integers(-1, 1)), draw(st.integers(-1, 1)))
    return {
        "": record,
        "flip": flipped(record, at, bit),
        "seal": sealed(flipped(record, at, bit)),
        "name": sealed(flipped(record, names - 1, 7)),
        "table": sealed(record[:names] + record[names:].replace(b"\0", b"_", 1)),
        "cut": record[:at],
        "long": record + b"\0",
        "clock": sealed(record[:16] + clock + record[32:]),
    }[draw(st.sampled_from(DAMAGE))]


def flipped(record: bytes, at: int, bit: int) -> bytes:
    return record[:at] + bytes([record[at] ^ 1 << bit]) + record[at + 1 :]


def sealed(record: bytes) -> bytes:
    return record[:-4] + struct.pack("<I", zlib.crc32(record[:-4]))


NUMBERS = st.integers(-9, 9) | st.floats(width=32) | st.sampled_from([10**18, 2**64 + 1, -(2**70), 1e300, 0.1, 1 / 3])
ODD = st.none() | st.sampled_from(["2.5", "x", "", True, [1], [], {}, [[]], [1, 2]])


@st.composite
def text(draw: st.DrawFn) -> bytes:
    """JSON records, most of them sound; what is odd is odd JSON or none."""
    samples = draw(st.sampled_from([1, 2, 5, MOST + 1]))
    odd = draw(st.integers(0, 3)) == 0
    numbers = st.lists(NUMBERS | ODD if odd else NUMBERS | st.none(), min_size=samples, max_size=samples)
    fields = {
        "id": draw(st.sampled_from(["a", "b", "pump-ü", 7])),
        "timestamp": draw(st.sampled_from([5, 5.5, "7", list(range(samples))])),
        "interval_s": draw(st.sampled_from([1, 0.5])),
        "values": {name: draw(numbers) for name in draw(st.sampled_from(TABLES))},
    }
    if odd:
        stamps = ODD | st.just([None] * samples) | st.just("soon")
        rare = {"values": ODD | st.just({"flow": 1}), "id": ODD, "timestamp": stamps, "interval_s": ODD | st.just(9e9)}
        fields |= draw(st.fixed_dictionaries({}, optional=rare))
    record = json.dumps(fields).encode()
    twice = record.replace(b'"flow"', b'"pressure"') if draw(st.integers(0, 5)) == 0 else record
    return draw(st.sampled_from([twice, twice, twice, record[:-1], record + b" ", b"\xff" + record, b"[]"]))


def decoded(config: DecoderConfig, polls: Sequence[RawBatch]) -> tuple[list[Decoded], list[str]]:
    """Decodes polls; series are numbered over all of them."""
    index, decoder = SeriesIndex(), config.open(CHANNELS)
    found = []
    for one in map(decoder.decode, polls):
        series = index.ids(one.keys)[one.readings.series]
        found.append(replace(one, readings=replace(one.readings, series=series)))
    return found, [index.key(series) for series in range(len(index))]


@pytest.mark.parametrize("kind", ["binary", "envelope", "by key"])
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_poll_gives_what_its_records_give_alone(kind: str, data: st.DataObject) -> None:
    shapes = data.draw(st.lists(SHAPES, min_size=1, max_size=3))
    made = st.one_of([binary(*shape) for shape in shapes]) if kind == "binary" else text()
    records = data.draw(st.lists(made, min_size=12, max_size=40))
    count = len(records)
    poll = RawBatch(
        records=records,
        keys=data.draw(st.lists(st.sampled_from([None, "", "key"]), min_size=count, max_size=count)),
        partition=np.arange(count, dtype=np.int32) % 3,
        offset=np.arange(count) + 7,
        timestamp_ns=np.where(np.arange(count) % 2, NO_TIME, 1_000),
    )
    config: DecoderConfig = BinaryConfig(max_samples=MOST)
    if kind != "binary":
        config = EnvelopeConfig(entity=None if kind == "by key" else "id", max_samples=MOST)
    (whole,), known = decoded(config, [poll])
    parts, met = decoded(config, [poll.part(row, row + 1) for row in range(count)])
    assert known == met
    assert list(whole.rejects) == [letter for part in parts for letter in part.rejects]
    for name in ("series", "time_ns", "values", "partition", "offset"):
        ours = getattr(whole.readings, name)
        theirs = np.concatenate([ours[:0], *(getattr(part.readings, name) for part in parts)])
        assert (ours.dtype, ours.shape, ours.tobytes()) == (theirs.dtype, theirs.shape, theirs.tobytes()), name
