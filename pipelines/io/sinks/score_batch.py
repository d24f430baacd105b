"""Many scores in one record: columns of runs, because detectors that look at every n-th row say the same n times."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import orjson
from numba import njit

from detector.scoring.share import top_channel
from detector.windows.entities import turns
from pipelines.io.base import Output

VERSION = 2
MOST_RUNS = 4096
_COLUMNS = ("series", "time_ns", "anomaly_score", "p_value", "top_channel", "warming")


def packed(output: Output, most_runs: int = MOST_RUNS) -> Iterator[bytes]:
    """Gives scores as JSON objects of columns: series are places in ``keys``, top channels in ``channels``.

    An entry stands for a run: ``rows`` rows of a series, ``step_ns`` apart, of which the same is said.

    Args:
        output: the scores.
        most_runs: in one object, to stay below the usual limit of 1 MB.
    """
    told = output.decisions
    top = top_channel(told.contribution)
    columns = (told.series, told.time_ns, told.anomaly_score, told.p_value, top, told.warming)
    first, step_ns = _runs(*columns)
    rows = np.diff(first, append=len(told))
    for begin in range(0, len(first), most_runs):
        part = slice(begin, begin + most_runs)
        runs = {name: column[first[part]] for name, column in zip(_COLUMNS, columns, strict=True)}
        turn = turns(runs["series"])
        named, place = np.unique(runs["series"][turn], return_inverse=True)
        runs["series"] = np.repeat(place, np.diff(turn, append=len(runs["series"])))
        yield orjson.dumps(
            {
                "v": VERSION,
                "keys": [output.keys[series] for series in named.tolist()],
                "channels": output.channels,
                "rows": rows[part],
                "step_ns": step_ns[part],
                **runs,
            },
            option=orjson.OPT_SERIALIZE_NUMPY,
        )


def unpacked(record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Gives the rows of such a record one by one."""
    columns = (record[name] for name in ("rows", "step_ns", *_COLUMNS))
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
