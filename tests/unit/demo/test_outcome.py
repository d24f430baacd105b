import numpy as np

from detector.alerting.alert import Alert
from detector.types import DecisionBatch
from detector.windows.schema import NS
from pipelines.demo.faults import Fault
from pipelines.demo.outcome import AFTERMATH_S, judge

MINUTE = 60 * NS
FAULT = Fault("leak", "pump-01", 100 * MINUTE, 160 * MINUTE)


def alert(start: int, end: int | None, series: str = "pump-01", name: str = "a") -> Alert:
    state = "firing" if end is None else "resolved"
    return Alert(
        id=name, state=state, severity="warning", detector="d", model_version="v", series=series,
        start_ns=start * MINUTE, end_ns=None if end is None else end * MINUTE, peak_ns=start * MINUTE, peak_score=2.0,
    )  # fmt: skip


def over(*minutes: int) -> dict[str, DecisionBatch]:
    rows = np.arange(400)
    flags = np.isin(rows, minutes)
    nothing = np.zeros(400)
    batch = DecisionBatch(rows * 0, rows * MINUTE, nothing, flags, nothing, np.zeros((400, 1)), flags)
    return {"pump-01": batch, "pump-02": batch}


def test_the_delay_counts_from_the_fault_to_the_row_that_fires_and_the_wait_of_the_score() -> None:
    outcome = judge([FAULT], [alert(110, None), alert(110, 170)], over(110, 112, 113), fire_rows=2, wait_s=60)
    assert outcome.detected == 1
    assert outcome.false_alarms == ()
    assert outcome.median_delay_s == (12 + 1) * 60


def test_an_alert_that_is_open_already_has_no_negative_delay() -> None:
    assert judge([FAULT], [alert(90, 120)], over(90), fire_rows=1, wait_s=0).median_delay_s == 0.0


def test_alerts_of_another_pump_or_time_are_false_alarms() -> None:
    strangers = [
        alert(110, 120, series="pump-02", name="b"),
        alert(10, 99, name="c"),
        alert(161 + AFTERMATH_S // 60, None, name="d"),
    ]
    outcome = judge([FAULT], strangers, over(110), fire_rows=1, wait_s=0)
    assert outcome.detected == 0
    assert outcome.median_delay_s is None
    assert {a.id for a in outcome.false_alarms} == {"b", "c", "d"}


def test_several_alerts_about_one_fault_count_once() -> None:
    alerts = [alert(130, 150, name="b"), alert(105, 120, name="a")]
    outcome = judge([FAULT], alerts, over(105, 130), fire_rows=1, wait_s=0)
    assert outcome.detected == 1
    assert outcome.findings[0].alert == alerts[1]
    assert outcome.false_alarms == ()
