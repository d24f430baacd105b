"""Whatever layout rows are packed in, its decoder gives the same readings."""

from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pytest

from detector.errors import DataError
from detector.types import ReadingBatch
from pipelines.io.base import NO_TIME, RawBatch
from pipelines.io.decoders.binary import BinaryConfig
from pipelines.io.decoders.envelope import EnvelopeConfig
from pipelines.io.decoders.long import LongConfig
from pipelines.io.decoders.table import DecoderConfig
from pipelines.io.decoders.times import TimeField
from pipelines.io.decoders.wide import WideConfig
from pipelines.io.packing import Record, packing

CHANNELS = ("flow", "pressure")
AT = TimeField(path="at")
ENVELOPE = EnvelopeConfig(timestamp=AT, interval="dt", values="v", entity="id")


def rows(gap: int) -> list[tuple[str, dict[str, Any]]]:
    """Two series in turns; ``gap`` seconds are missing after the tenth row, and a value in the fifth."""
    found = []
    for i in range(23):
        for pump in ("pump-1", "pump-2"):
            row = {"at": i + gap * (i > 10), "flow": float(i), "pressure": 0.5, "state": "on", "is_anomaly": 1}
            found.append((pump, {k: v for k, v in row.items() if k != "pressure" or i != 5}))
    return found


def packed(decoder: DecoderConfig, gap: int = 0, time: TimeField = AT) -> list[Record]:
    made = packing(decoder.kind, 8, time, decoder)
    return [record for key, row in rows(gap) for record in made.add(key, row)] + list(made.rest())


def readings(decoder: DecoderConfig, records: list[Record]) -> ReadingBatch:
    count = len(records)
    batch = RawBatch(
        [value for _, value in records],
        [key for key, _ in records],
        np.zeros(count, np.int32),
        np.arange(count),
        np.full(count, NO_TIME),
    )
    decoded = decoder.open(CHANNELS).decode(batch)
    assert not decoded.rejects
    number = np.array([("pump-1", "pump-2").index(key) for key in decoded.keys], np.int32)
    return replace(decoded.readings, series=number[decoded.readings.series])


@pytest.mark.parametrize("gap", [0, 100])
@pytest.mark.parametrize("decoder", [ENVELOPE, BinaryConfig()], ids=["envelope", "binary"])
def test_envelopes_hold_what_single_records_hold(decoder: DecoderConfig, gap: int) -> None:
    wide = WideConfig(timestamp=AT)
    records = packed(decoder, gap)
    ours, theirs = readings(decoder, records), readings(wide, packed(wide, gap))
    assert len(records) == 6
    for series in (0, 1):
        mine, its = ours.series == series, theirs.series == series
        assert ours.time_ns[mine].tolist() == theirs.time_ns[its].tolist()
        np.testing.assert_array_equal(ours.values[mine], theirs.values[its])


def test_long_records_hold_one_value_each() -> None:
    config = LongConfig(timestamp=AT, channel="c", value="x", entity="id")
    records = packed(config)
    assert orjson.loads(records[0][1]) == {"at": 0, "id": "pump-1", "c": "flow", "x": 0.0}
    found = readings(config, records)
    assert len(found) == 2 * 23 * 2 - 2
    assert np.isfinite(found.values).sum() == len(found)


def test_rows_without_a_time_cannot_be_packed() -> None:
    with pytest.raises(DataError, match="'timestamp' of series pump-1 holds no time"):
        packed(BinaryConfig(), time=TimeField())
