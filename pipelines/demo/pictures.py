"""Pictures for the report: one incident of one pump, and the whole stream at a glance."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from detector.alerting.alert import Alert
from detector.bundle import Bundle
from detector.fitting.frames import LABEL, align
from detector.members.base import Rows
from detector.plots import ALARM, GRID, KNOWN, MUTED, Picture, draw
from detector.types import DecisionBatch, Explanation, Ints
from detector.windows.schema import NS
from pipelines.demo.faults import Fault
from pipelines.demo.stage import Stage

AROUND_S = 2 * 3600
CHANNELS = 3


def incident(
    stage: Stage, bundle: Bundle, series: str, span_ns: tuple[int, int], decisions: DecisionBatch, delay: int
) -> Figure:
    """Draws the loudest channels of a pump from two hours before to two hours after a stretch of time.

    Args:
        stage: the plant.
        bundle: the detector.
        series: the pump.
        span_ns: first and last time of the stretch.
        decisions: [N] about every streamed row of the pump, in order of time.
        delay: rows that a score waited for.
    """
    live, schema = stage.live(series), bundle.detector.schema
    time_ns = decisions.time_ns
    first, stop = np.searchsorted(time_ns, [span_ns[0] - AROUND_S * NS, span_ns[1] + AROUND_S * NS])
    rows = np.arange(first, stop)
    values = align(schema, live, series).values
    within = (time_ns >= span_ns[0]) & (time_ns <= span_ns[1])
    blame = np.nansum(decisions.contribution[within] * decisions.anomaly_score[within, None], axis=0)
    picture = Picture(
        time_ns[rows],
        live[list(schema.names)].to_numpy(np.float64)[rows],
        decisions.anomaly_score[rows],
        schema,
        decisions.is_anomaly[rows],
        _expected(bundle, values, rows, delay),
        live[LABEL].to_numpy()[rows] > 0,
    )
    return draw(picture, sorted(np.argsort(-blame, kind="stable")[:CHANNELS].tolist()))


def overview(stage: Stage, faults: Sequence[Fault], alerts: Sequence[Alert]) -> Figure:
    """Draws a line per pump: its fault above, its alerts below."""
    figure = Figure(figsize=(10, 0.6 + 0.26 * stage.plant.pumps), layout="constrained")
    axes = figure.subplots()
    begin_ns, end_ns = int(stage.time_ns[stage.plant.history_rows]), int(stage.time_ns[-1])
    line = stage.plant.names.index
    for fault in faults:
        _bar(axes, line(fault.series) - 0.18, fault.start_ns, fault.end_ns, KNOWN)
    for alert in alerts:
        _bar(axes, line(alert.series) + 0.18, alert.start_ns, alert.end_ns or end_ns, ALARM)
    axes.set_xlim(*np.array([begin_ns, end_ns], "datetime64[ns]"))
    axes.set_ylim(stage.plant.pumps - 0.5, -0.5)
    axes.set_yticks(range(stage.plant.pumps), stage.plant.names)
    locator = AutoDateLocator(minticks=4, maxticks=9)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))
    axes.tick_params(colors=MUTED, labelsize=7, length=0)
    axes.grid(True, axis="x", color=GRID, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.set_facecolor("none")
    for spine in axes.spines.values():
        spine.set_visible(False)
    return figure


def _bar(axes: Axes, line: float, start_ns: int, end_ns: int, colour: str) -> None:
    start, end = np.array([start_ns, end_ns], "datetime64[ns]")
    width = max(end - start, np.timedelta64(15, "m"))  # a fault of minutes must be visible among days
    axes.barh(line, width, left=start, height=0.3, color=colour, linewidth=0)


def _expected(bundle: Bundle, values: np.ndarray, rows: Ints, delay: int) -> Explanation:
    """Explains rows as the alerts do: by the window that ends ``delay`` rows later."""
    detector = bundle.detector
    windows = Rows(detector.scaler.transform(values), detector.scaler.fill).windows(detector.window)
    newest = np.clip(rows + delay, detector.window - 1, len(values) - 1)
    back = np.clip(newest - rows, 0, detector.window - 1)
    return detector.explain(np.ascontiguousarray(windows[newest - detector.window + 1]), back)
