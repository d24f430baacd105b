import json

import numpy as np
import pytest
from alert_stream import STEP_NS, Reasons, decisions, keys, policy, run, story
from pydantic import ValidationError

from detector.alerting.policy import AlertConfig
from detector.errors import DataError

NAN = np.nan


def test_fires_at_the_limit_and_resolves_after_the_gap() -> None:
    alerts = run([0.5, 1.0, 1.4, 0.2, 0.2, 0.2, 0.2], merge_gap_rows=3)
    assert story(alerts) == [("firing", "warning", 1, None), ("resolved", "warning", 1, 2)]
    assert len({alert.id for alert in alerts}) == 1
    assert (alerts[1].peak_score, alerts[1].peak_ns) == (1.4, 2 * STEP_NS)


def test_never_fires_below_the_limit() -> None:
    assert run([0.9, np.nextafter(1, 0)] * 50) == []


def test_a_new_excursion_within_the_gap_continues_the_alert_and_after_it_begins_another() -> None:
    within = run([1, 0, 0, 1, 0, 0, 0], merge_gap_rows=3)
    assert story(within) == [("firing", "warning", 0, None), ("resolved", "warning", 0, 3)]
    after = run([1, 0, 0, 0, 1, 0, 0, 0], merge_gap_rows=3)
    assert story(after)[1:3] == [("resolved", "warning", 0, 0), ("firing", "warning", 4, None)]
    assert after[0].id == after[1].id != after[2].id == after[3].id


def test_between_resolve_level_and_limit_the_alert_stays_open() -> None:
    assert story(run([1, *[0.85] * 30], merge_gap_rows=3)) == [("firing", "warning", 0, None)]
    resolved = story(run([1, *[0.85] * 5, 0.7, 0.7, 0.7], merge_gap_rows=3))
    assert resolved[-1] == ("resolved", "warning", 0, 5)


def test_waits_for_the_minimum_duration() -> None:
    assert run([1, 1, 0, 1, 1, 0], min_duration_rows=3) == []
    alerts = run([1, 1, 0.9, 1, 0, 0], min_duration_rows=3, merge_gap_rows=2)
    assert story(alerts) == [("firing", "warning", 0, None), ("resolved", "warning", 0, 3)]


def test_durations_in_seconds_are_rows_of_the_schema() -> None:
    scores = [1, 1, 1, 0, 0, 0, 1]
    assert run(scores, for_s=25, merge_gap_s=30) == run(scores, min_duration_rows=3, merge_gap_rows=3)
    assert run(scores, for_s=0, merge_gap_s=0) == run(scores, min_duration_rows=1, merge_gap_rows=1)


def test_tells_every_rise_of_severity_and_resolves_with_the_highest() -> None:
    alerts = run([1, 1.5, 2, 4, 3, 1, 0], merge_gap_rows=1)
    assert [(a.state, a.severity, a.peak_score) for a in alerts] == [
        ("firing", "warning", 1.0),
        ("firing", "major", 2.0),
        ("firing", "critical", 4.0),
        ("resolved", "critical", 4.0),
    ]
    assert run([9], major_ratio=10, critical_ratio=20)[0].severity == "warning"


def test_a_missing_score_neither_fires_nor_resolves() -> None:
    assert run([NAN] * 9) == []
    alerts = run([1, 0, *[NAN] * 50, 0, 1, 0, 0, 0], merge_gap_rows=3)
    assert story(alerts) == [("firing", "warning", 0, None), ("resolved", "warning", 0, 53)]
    assert story(run([1, NAN, 1], min_duration_rows=2)) == [("firing", "warning", 0, None)]


def test_names_the_channels_of_the_peak_with_actual_and_expected() -> None:
    firing, resolved = run([0, 1.2, 1.9, 1.5, 0], merge_gap_rows=1)
    assert [(c.name, c.unit, c.share) for c in firing.channels] == [("pressure", "bar", 0.5), ("flow", "l/s", 0.5)]
    flow, pressure = resolved.channels
    assert (flow.name, pressure.name) == ("flow", "pressure")
    assert flow.share == pytest.approx(2 / 3, abs=1e-4)
    assert (flow.actual, flow.expected, flow.low, flow.high) == (1.9, 2.9, 2.4, None)
    assert run([5], top_channels=0)[0].channels == ()


def test_channels_without_a_part_are_not_named() -> None:
    assert [c.name for c in run([5])[0].channels] == ["pressure"]


@pytest.mark.parametrize(
    ("scores", "asked"), [([0.9, 1.0, 1.1, 1.05, 0.9, 0.2, 1.5, 0.1], [1, 6]), ([1.0, 0.9, 0.2], [0]), ([0.9, 0.2], [])]
)
def test_asks_once_for_explanations_of_peaks_only(scores: list[float], asked: list[int]) -> None:
    batch = decisions(scores)
    reasons = Reasons(batch)
    policy().push(batch, keys(), reasons)
    assert reasons.asked == asked


def test_the_first_of_equal_peaks_counts() -> None:
    assert [a.peak_ns // STEP_NS for a in run([1, 1.5, 1.5, 0], merge_gap_rows=1)] == [0, 1]


def test_series_do_not_touch_each_other() -> None:
    batch = decisions([1, 0.2, 0.3, 3, 0, 0], series=[0, 1, 0, 1, 0, 1])
    alerts = policy(merge_gap_rows=2).push(batch, keys(2), Reasons(batch))
    assert [(a.series, a.state, a.severity) for a in alerts] == [
        ("pump-0", "firing", "warning"),
        ("pump-1", "firing", "major"),
        ("pump-0", "resolved", "warning"),
    ]


def test_alerts_belong_to_the_key_and_survive_another_id() -> None:
    engine, index = policy(merge_gap_rows=2), keys(2)
    batch = decisions([1, 0], series=[1, 0])
    engine.push(batch, index, Reasons(batch))
    index.release([0, 1])
    index.ids(["pump-1", "pump-0"])  # the ids have changed hands
    calm = decisions([0, 0, 0, 0], series=[0, 0, 1, 1])
    assert [(a.series, a.state) for a in engine.push(calm, index, Reasons(calm))] == [("pump-1", "resolved")]


def test_flush_tells_what_is_still_firing_and_close_ends_it() -> None:
    engine, index = policy(min_duration_rows=2), keys(3)
    batch = decisions([1, 1, 5, 1, 1.5], series=[0, 1, 1, 2, 2])
    engine.push(batch, index, Reasons(batch))
    assert [(a.series, a.state, a.peak_score, a.end_ns) for a in engine.flush()] == [
        ("pump-1", "firing", 5.0, None),
        ("pump-2", "firing", 1.5, None),
    ]
    assert engine.flush() == engine.flush()
    closed = engine.close(["pump-0", "pump-1", "nobody"])
    assert [(a.series, a.state, a.end_ns) for a in closed] == [("pump-1", "resolved", STEP_NS)]
    assert [a.series for a in engine.flush()] == ["pump-2"]


def test_state_is_json_and_brings_the_alert_back() -> None:
    before = policy(merge_gap_rows=2)
    batch = decisions([1.25, 0])
    fired = before.push(batch, keys(), Reasons(batch))
    after = policy(merge_gap_rows=2)
    after.restore(json.loads(json.dumps(before.state())))
    calm = decisions([0])
    (resolved,) = after.push(calm, keys(), Reasons(calm))
    assert resolved == fired[0].model_copy(update={"state": "resolved", "end_ns": 0})
    assert after.state() == {}


def test_a_damaged_state_is_refused() -> None:
    with pytest.raises(DataError, match=r"pump-0\.start_ns: Field required.*remove it"):
        policy().restore({"pump-0": {"last_ns": 3, "peak_ns": 4}})


def test_thresholds_out_of_order_are_refused() -> None:
    with pytest.raises(ValidationError, match="critical_ratio 2 lies below major_ratio 3"):
        AlertConfig(major_ratio=3, critical_ratio=2)


def test_no_rows_no_alerts() -> None:
    assert run([]) == []
