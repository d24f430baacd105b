import numpy as np
from rich.console import Console

from detector.alerting.alert import Alert, ChannelShare
from detector.types import DecisionBatch
from detector.windows.schema import NS
from pipelines.demo.plant import MONDAY_NS
from pipelines.demo.show import Show
from pipelines.io.base import Output

EMPTY = np.empty(0)
NOTHING = DecisionBatch(EMPTY, EMPTY, EMPTY, EMPTY, EMPTY, np.empty((0, 2)), EMPTY)


def alert(state: str, severity: str, peak: float) -> Alert:
    share = ChannelShare(name="pressure", unit="bar", share=0.71, actual=2.1, expected=3.9, low=3.7, high=4.1)
    return Alert(
        id="a", state=state, severity=severity, detector="d", model_version="v", series="pump-03",
        start_ns=MONDAY_NS, end_ns=MONDAY_NS + 3600 * NS if state == "resolved" else None, peak_ns=MONDAY_NS,
        peak_score=peak, channels=(share,),
    )  # fmt: skip


def test_an_alert_is_told_once_with_its_channels_then_what_changes() -> None:
    console = Console(record=True, width=120, force_terminal=False)
    alerts = [alert("firing", "warning", 1.2), alert("firing", "critical", 4.5), alert("resolved", "critical", 6.1)]
    with Show(console, 10) as show:
        show.write(Output(np.empty(0, object), ("pressure", "flow"), NOTHING, alerts))
    begun, channel, risen, ended = console.export_text().splitlines()
    assert begun == "Mon 02 Mar 00:00  pump-03  warning, 1.2 times the limit"
    assert channel.split() == ["pressure", "█" * 11, "71%", "2.1", "bar", "expected", "3.9"]
    assert "critical, 4.5 times the limit" in risen
    assert ended.endswith("back to normal after 60 min, at worst 6.1 times the limit")
