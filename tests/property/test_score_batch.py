"""Scores packed as runs are the same rows when they are unpacked, whatever was said of them."""

import json
from dataclasses import fields

import numpy as np
import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.types import DecisionBatch
from pipelines.io.base import Output
from pipelines.io.sinks.records import CONTENTS
from pipelines.io.sinks.score_batch import packed, unpacked

ROW = st.tuples(
    st.integers(0, 2),
    st.sampled_from([0, 1, 1, 1, 2, -1]),
    st.sampled_from([0.5, 1.5, np.nan]),
    st.sampled_from([0.25, np.nan]),
    st.booleans(),
    st.sampled_from([(0, 0), (0.25, 0.75), (1, 0)]),
)


@settings(deadline=None)
@given(st.lists(st.tuples(ROW, st.integers(1, 5)), max_size=30), st.integers(1, 9))
def test_packing_loses_nothing(runs: list[tuple[tuple, int]], most_runs: int) -> None:
    rows = [row for row, times in runs for _ in range(times)]
    series, steps, score, p_value, warming, share = zip(*rows, strict=True) if rows else [()] * 6
    score = np.array(score, np.float64)
    decisions = DecisionBatch(
        series=np.array(series, np.int32),
        time_ns=np.cumsum(np.array(steps, np.int64)),
        anomaly_score=score,
        is_anomaly=score >= 1,
        p_value=np.array(p_value, np.float64),
        contribution=np.array(share, np.float32).reshape(-1, 2),
        warming=np.array(warming, np.bool_),
    )
    assert len({len(getattr(decisions, field.name)) for field in fields(decisions)}) == 1
    keys = [f"pump-{one}" for one in range(max(series, default=-1) + 1)]
    output = Output(keys, ("flow", "pressure"), decisions)
    said = ("series", "time_ns", "anomaly_score", "p_value", "top_channel", "warming")
    expected = [{name: row[name] for name in said} for row in CONTENTS["scores"](output)]
    records = [json.loads(record) for record in packed(output, most_runs)]
    assert [row for record in records for row in unpacked(record)] == json.loads(orjson.dumps(expected))
    assert all(len(record["rows"]) <= most_runs for record in records)


def test_held_scores_are_one_entry() -> None:
    score = np.repeat([0.5, 0.75], 8)
    ids, no = np.zeros(16, np.int32), np.zeros(16, np.bool_)
    decisions = DecisionBatch(ids, 7 + 10 * np.arange(16), score, no, score, np.ones((16, 1), np.float32), no)
    (packet,) = packed(Output(["pump"], ("flow",), decisions))
    record = json.loads(packet)
    assert (record["rows"], record["time_ns"], record["step_ns"]) == ([8, 8], [7, 87], [10, 10])
