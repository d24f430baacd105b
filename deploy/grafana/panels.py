"""Kinds of panels: what they show is a list of (PromQL, legend), how they look is settled here for all boards."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from grafana_foundation_sdk.builders import bargauge, common, dashboard, heatmap, prometheus, stat, table, timeseries
from grafana_foundation_sdk.models.common import BarGaugeDisplayMode, GraphThresholdsStyleMode, VizOrientation
from grafana_foundation_sdk.models.dashboard import DataSourceRef, DynamicConfigValue, Threshold, ThresholdsMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
GREEN, YELLOW, RED = "green", "yellow", "red"


class Limits(NamedTuple):
    """Where a value turns yellow and red; None where it does not."""

    warn: float | None = None
    bad: float | None = None


NONE = Limits()
LIMIT = Limits(bad=1.0)
"""The alert line of scores."""


class Panel(NamedTuple):
    """One panel of a board.

    Attributes:
        kind: chart, number, table, bars or heat.
        title: on top.
        what: for people, shown behind the i.
        unit: by Grafana's names.
        queries: (PromQL, legend).
        width: columns of 24.
        limits: thresholds.
    """

    kind: str
    title: str
    what: str
    unit: str
    queries: Sequence[tuple[str, str]]
    width: int = 8
    limits: Limits = NONE


def built(panel: Panel) -> Any:
    """Returns the panel as a builder of the SDK."""
    made = _KINDS[panel.kind](panel)
    made.title(panel.title).description(panel.what).unit(panel.unit).datasource(SOURCE)
    made.span(panel.width).height(_HEIGHT[panel.kind]).thresholds(_thresholds(panel.limits))
    for number, (expression, legend) in enumerate(panel.queries):
        query = prometheus.Dataquery().expr(expression).legend_format(legend).ref_id(chr(ord("A") + number))
        query.format(_FORMAT.get(panel.kind, PromQueryFormat.TIME_SERIES)).datasource(SOURCE)
        made.with_target(query.range() if panel.kind in ("chart", "heat") else query.instant())
    return made


def _chart(panel: Panel) -> timeseries.Panel:
    made = timeseries.Panel().fill_opacity(8).line_width(1).span_nulls(True).min(0)
    if panel.limits != NONE:
        made.thresholds_style(common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.LINE))
    return made


def _number(panel: Panel) -> stat.Panel:
    return stat.Panel()


def _table(panel: Panel) -> table.Panel:
    hidden = [DynamicConfigValue(id_val="custom.hidden", value=True)]
    made = table.Panel()
    for column in ("Time", "job", "instance", "__name__"):
        made.override_by_name(column, hidden)
    return made


def _bars(panel: Panel) -> bargauge.Panel:
    made = bargauge.Panel().display_mode(BarGaugeDisplayMode.GRADIENT).orientation(VizOrientation.HORIZONTAL)
    return made.min(0)


def _heat(panel: Panel) -> heatmap.Panel:
    return heatmap.Panel()


def _thresholds(limits: Limits) -> dashboard.ThresholdsConfig:
    steps = [Threshold(value=None, color=GREEN)]
    steps += [Threshold(value=limits.warn, color=YELLOW)] if limits.warn is not None else []
    steps += [Threshold(value=limits.bad, color=RED)] if limits.bad is not None else []
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)


_KINDS = {"chart": _chart, "number": _number, "table": _table, "bars": _bars, "heat": _heat}
_HEIGHT = {"chart": 8, "number": 4, "table": 8, "bars": 8, "heat": 8}
_FORMAT = {"table": PromQueryFormat.TABLE, "heat": PromQueryFormat.HEATMAP}
