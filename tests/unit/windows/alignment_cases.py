"""Small aligners, readings and tables of rows for the tests of alignment."""

import numpy as np

from detector.types import ReadingBatch, SampleBatch
from detector.windows.align import AlignConfig, Aligner
from detector.windows.schema import NS, Channel, Schema

NAN = np.nan


def aligner(alignment: str = "rows", gaps: tuple[str, ...] = ("hold",), interval_s: float = 1, **config) -> Aligner:  # type: ignore[no-untyped-def]
    channels = tuple(Channel(name=f"c{i}", gap=gap) for i, gap in enumerate(gaps))
    return Aligner(Schema(channels=channels, interval_s=interval_s, alignment=alignment), AlignConfig(**config))


def readings(*rows: tuple) -> ReadingBatch:
    """Readings from (seconds, values) or (seconds, values, series)."""
    n = len(rows)
    values = np.array([np.atleast_1d(row[1]) for row in rows], float).reshape(n, -1)
    series = np.array([row[2] if len(row) > 2 else 0 for row in rows], np.int32)
    times = np.array([round(row[0] * NS) for row in rows], np.int64)
    return ReadingBatch(series, times, values, np.zeros(n, np.int32), np.arange(n))


def table(samples: SampleBatch) -> list[tuple]:
    """Rows as (seconds, values..., start)."""
    return [
        (t / NS, *v, bool(s)) for t, v, s in zip(samples.time_ns, samples.values.tolist(), samples.start, strict=True)
    ]


def same(rows: list[tuple], expected: list[tuple]) -> None:
    np.testing.assert_array_equal(np.array(rows, float), np.array(expected, float))
