"""Envelopes read together by compiled code are those that are read one by one, and dead letters are the same."""

import json
from typing import Any
from unittest.mock import patch

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipelines.io.base import Decoded, RawBatch
from pipelines.io.decoders.envelope import EnvelopeConfig
from pipelines.io.decoders.envelope_plain import PlainReader

CHANNELS = ("flow", "p.bar", "température")
CONFIGS = [
    EnvelopeConfig(),
    EnvelopeConfig(entity="id", max_samples=3),
    EnvelopeConfig(timestamp=None, interval="meta.dt", channels={"flow": "F"}),
]

numbers = (
    st.none()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.floats(-1e4, 1e4).map(lambda x: round(x, 4))
    | st.sampled_from([0, -0.0, 1e22, 1e23, 1e-22, 1e-23, 5e-324, 1.7976931348623157e308, 9007199254740993])
)
scalars = numbers | st.text(max_size=5) | st.booleans()
arrays = st.lists(numbers, max_size=5) | st.lists(scalars, max_size=3) | scalars
names = st.sampled_from([*CHANNELS, "F", "other"]) | st.text(max_size=4)
fields = st.dictionaries(
    st.sampled_from(["note", "meta", "meta.dt", "unit"]) | st.text(max_size=3), scalars, max_size=2
)

BITS = ["", "0", "-", ".", "e", ",", "\0", " ", "]", "}", '"', "1e5"]


@st.composite
def even(draw: st.DrawFn) -> dict[str, Any]:
    """An object whose arrays have one length."""
    count = draw(st.integers(1, 4))
    return draw(st.dictionaries(names, st.lists(numbers, min_size=count, max_size=count), max_size=3))


@st.composite
def envelopes(draw: st.DrawFn) -> bytes:
    document = draw(fields)
    for name, values in (
        ("timestamp", st.integers(0, 10**10) | scalars | st.lists(st.integers(0, 10**10), max_size=4)),
        ("interval_s", st.sampled_from([1, 0.5, True, 1e300, 60]) | scalars),
        ("id", st.text(max_size=4) | scalars),
        ("values", even() | even() | st.dictionaries(names, arrays, max_size=3) | scalars),
    ):
        if draw(st.integers(0, 9)):
            document[name] = draw(values)
    separators = draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t: ")]))
    text = json.dumps(document, separators=separators, ensure_ascii=draw(st.booleans()), allow_nan=False)
    if not draw(st.integers(0, 4)):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from(BITS)) + text[at:]
    return text.encode("utf-8", "surrogatepass")


def decoded(config: EnvelopeConfig, records: list[bytes]) -> Decoded:
    count = len(records)
    keys = [f"key-{i % 2}" for i in range(count)]
    batch = RawBatch(records, keys, np.full(count, 3, np.int32), np.arange(count), np.full(count, 10**18))
    return config.open(CHANNELS).decode(batch)


def others(reader: PlainReader, records: list[bytes]) -> tuple[list[Any], list[int]]:
    return [], list(range(len(records)))


@settings(deadline=None, max_examples=500)
@given(st.lists(envelopes(), max_size=6), st.sampled_from(CONFIGS))
@example([b'{"timestamp":1,"values":{"flow":[1.0]},"values":{"flow":[2.0]}}'], CONFIGS[0])
@example([b'{"timestamp":1,"values":{"flow":[1.0],"flow":[2.0]}}'], CONFIGS[0])
@example([b'{"timestamp":1,"values":{"flow":[01]}}', b'{"timestamp":1,"values":{"flow":[1.]}}'], CONFIGS[0])
@example([b'{"timestamp":1,"values":{"flow":[nul]}}', b'{"timestamp":1,"values":{"flow":[1,]}}'], CONFIGS[0])
@example([b'{"timestamp":1,"values":{"flow":[1.5e', b"3]}}", b'{"values":{"flow":[1.25]}}'], CONFIGS[0])
@example([b'{"interval_s":1,"timestamp":3,"values":{"flow":[1,2]}} x', b"", b"{}"], CONFIGS[0])
def test_together_as_one_by_one(records: list[bytes], config: EnvelopeConfig) -> None:
    ours = decoded(config, records)
    with patch.object(PlainReader, "read", others):
        theirs = decoded(config, records)
    assert ours.keys == theirs.keys
    for name in ("series", "time_ns", "values", "partition", "offset"):
        np.testing.assert_array_equal(getattr(ours.readings, name), getattr(theirs.readings, name))
    assert ours.rejects == theirs.rejects


@settings(deadline=None, max_examples=300)
@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["%r", "%.3f", "%.17g", "%.12e", "%.25f"]))
def test_numbers_are_read_exactly(number: float, form: str) -> None:
    text = form % number
    plain, _ = PlainReader("t", "dt", None, "v", ["a"]).read([b'{"t":1,"v":{"a":[%s]}}' % text.encode()])
    assert all(one.values.item() == float(text) for one in plain)


def test_what_senders_write_is_read_together() -> None:
    records = [
        b'{"timestamp": "2026-03-09T12:15:00Z", "interval_s": 0.5, "values": {"flow": [103.2, -4.61e-2, null, 7]}}',
        b'{"values":{"flow":[1.5,2.5,3.5,4.5],"unknown":[1,2]},"timestamp":1,"interval_s":1,"unit":"m3/h","ok":true}',
    ]
    plain, left = PlainReader("timestamp", "interval_s", None, "values", ["flow"]).read(records)
    assert left == []
    (one,) = plain
    np.testing.assert_array_equal(one.values[:, 0], [[103.2, -0.0461, np.nan, 7], [1.5, 2.5, 3.5, 4.5]])
    assert (one.times, one.steps) == (["2026-03-09T12:15:00Z", 1], [0.5, 1])
