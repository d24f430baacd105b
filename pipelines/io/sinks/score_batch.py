"""Many scores in one record: columns of runs, because detectors that look at every n-th row say the same n times."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import orjson
from numba import njit

from detector.scoring.share import top_channel
from detector.types import Bools, Floats, Ints
from pipelines.io.base import Output

VERSION = 2


class _Columns(NamedTuple):
    series: Ints
    time_ns: Ints
    anomaly_score: Floats
    p_value: Floats
    top_channel: Ints
    warming: Bools


def packed(output: Output, rows: slice) -> bytes:
    """Returns scores as one JSON object: series are places in ``keys``, top channels in ``channels``.

    A run is ``rows`` rows of a series in a row, ``step_ns`` apart, of which the same is said.
    """
    decisions, series = output.decisions, output.decisions.series[rows]
    last = np.full(series.max(initial=-1) + 1, -1)
    last[series] = np.arange(len(series))  # of repeated places the last one stays
    known = np.flatnonzero(last >= 0)
    number = np.empty(len(last), np.int64)
    number[known] = np.arange(len(known))
    columns = _Columns(
        number[series],
        decisions.time_ns[rows],
        decisions.anomaly_score[rows],
        decisions.p_value[rows],
        top_channel(decisions.contribution[rows]),
        decisions.warming[rows],
    )
    first, step_ns = _runs(*columns)
    runs = {name: column[first] for name, column in columns._asdict().items()}
    return orjson.dumps(
        {
            "v": VERSION,
            "keys": output.keys[rows][last[known]].tolist(),
            "channels": output.channels,
            "rows": np.diff(first, append=len(series)),
            "step_ns": step_ns,
            **runs,
        },
        option=orjson.OPT_SERIALIZE_NUMPY,
    )


def unpacked(record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Gives the rows of such a record one by one."""
    columns = (record[name] for name in ("rows", "step_ns", *_Columns._fields))
    for rows, step_ns, series, time_ns, score, p_value, top, warming in zip(*columns, strict=True):
        for row in range(rows):
            yield {
                "series": record["keys"][series],
                "time_ns": time_ns + row * step_ns,
                "anomaly_score": score,
                "p_value": p_value,
                "top_channel": record["channels"][top] if top >= 0 else None,
                "warming": warming,
            }


@njit(cache=True, nogil=True)
def _runs(series, time_ns, score, p_value, top, warming):  # type: ignore[no-untyped-def]
    """Returns the first rows of runs, and the steps between rows; 0 where a run is one row."""
    first = np.empty(len(series), np.int64)
    step_ns = np.zeros(len(series), np.int64)
    n = -1
    for i in range(len(series)):
        if (
            i
            and series[i] == series[i - 1]
            and top[i] == top[i - 1]
            and warming[i] == warming[i - 1]
            and (score[i] == score[i - 1] or (np.isnan(score[i]) and np.isnan(score[i - 1])))
            and (p_value[i] == p_value[i - 1] or (np.isnan(p_value[i]) and np.isnan(p_value[i - 1])))
        ):
            step = time_ns[i] - time_ns[i - 1]
            if first[n] == i - 1:
                step_ns[n] = step
            if step == step_ns[n]:
                continue
        n += 1
        first[n] = i
    return first[: n + 1], step_ns[: n + 1]
