"""Pictures of what a detector saw: channels against what was expected, the score against its limit.

Figures belong to the caller: no pyplot, no global state, no display. ``figure.savefig("picture.png")`` writes one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import matplotlib.dates  # noqa: F401 - teaches axes to take datetime64
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from detector.evaluation.events import intervals
from detector.fitting.frames import LABEL, ordered_times, values_of
from detector.members.detector import Detector
from detector.types import Bools, Explanation, Floats, Ints
from detector.windows.schema import NS, Channel, Schema

INK, MUTED, GRID = "#1f2933", "#7b8794", "#d9dee4"
EXPECTED, ALARM, KNOWN = "#2f6fde", "#d64545", "#8b5cf6"

MOST_CHANNELS = 8
MOST_POINTS = 4000
WIDTH_INCHES, PANEL_INCHES = 10.0, 1.15


@dataclass(frozen=True, slots=True)
class Picture:
    """What is to be drawn of one series.

    Attributes:
        time_ns: [N] int64.
        actual: [N, F] float64, in the channels' own units.
        score: [N] float64, 1.0 is the limit.
        schema: channels and clock.
        explanation: expected values and their band for the same rows, if known.
        detected: [N] bool, rows beyond the limit.
        known: [N] bool, rows labelled as anomalous, if known.
    """

    time_ns: Ints
    actual: Floats
    score: Floats
    schema: Schema
    detected: Bools
    explanation: Explanation | None = None
    known: Bools | None = None


def scores_figure(
    frame: pd.DataFrame, scores: pd.DataFrame, schema: Schema, explanation: Explanation | None = None
) -> Figure:
    """Draws the channels that stand out most and the score of every row.

    Args:
        frame: the rows that were scored, with their time; labels in ``is_anomaly`` are shaded if there are any.
        scores: for every row of ``frame``: ``anomaly_score``, ``is_anomaly`` and ``top_channel``.
        schema: channels.
        explanation: of the same rows, in the same order.

    Returns:
        A figure with at most eight channels, the score below them.
    """
    order, time_ns = ordered_times(frame)
    known = frame[LABEL].to_numpy()[order] > 0 if LABEL in frame else None
    ordered = scores.iloc[order]
    picture = Picture(
        time_ns,
        values_of(schema, frame)[order],
        ordered["anomaly_score"].to_numpy(np.float64),
        schema,
        ordered["is_anomaly"].to_numpy(bool),
        explanation,
        known,
    )
    return draw(picture, _loudest(ordered, schema))


def draw(picture: Picture, channels: Iterable[int]) -> Figure:
    """Draws one series: a panel for each of ``channels`` (positions in the schema), the score below them."""
    chosen = list(channels)
    figure, panels = panels_of(len(chosen) + 1, ratios=[1.0] * len(chosen) + [1.3])
    time = time_axis(picture.time_ns, picture.schema)
    for axes, at in zip(panels, chosen, strict=False):
        _draw_channel(axes, time, picture, at)
    _draw_score(panels[-1], time, picture.score)
    for axes in panels:
        _shade(axes, time, picture.detected, color=ALARM, alpha=0.16, label="detected")
        _shade(axes, time, picture.known, color=KNOWN, ymin=0.95, label="known fault")
        if len(time) > 1:
            axes.set_xlim(time[0], time[-1])
    date(panels[-1], picture.schema)
    legend(figure, panels)
    return figure


def reconstructions_figure(detector: Detector, windows: Floats, most: int = 4) -> Figure:
    """Draws what the detector expects in place of windows of normal rows.

    Args:
        detector: its first member that expects anything is shown.
        windows: [G, T, F + C] float32, scaled, such as a bundle's golden windows.
        most: windows drawn at most, evenly picked.

    Returns:
        A figure with a column per window and a row per channel, the eight that vary most.
    """
    picks = np.linspace(0, len(windows) - 1, min(most, len(windows))).round().astype(int)
    chosen = sorted(
        np.argsort(-np.nanstd(windows[..., : detector.channels], axis=(0, 1)), kind="stable")[:MOST_CHANNELS]
    )
    length = windows.shape[1]
    back = np.arange(length)[::-1]
    figure, panels = panels_of(len(chosen), columns=len(picks))
    for column, pick in enumerate(picks):
        explanation = detector.explain(np.repeat(windows[pick : pick + 1], length, axis=0), back)
        zeros = np.zeros(length)
        picture = Picture(back, explanation.actual, zeros, detector.schema, zeros > 0, explanation)
        for row, at in enumerate(chosen):
            _draw_channel(panels[row, column], np.arange(length), picture, int(at), named=column == 0)
        panels[0, column].set_title(f"window {pick + 1}", fontsize=8, color=MUTED)
        panels[-1, column].set_xlabel("row of the window", fontsize=7, color=MUTED)
    legend(figure, panels.flat)
    return figure


def panels_of(rows: int, columns: int = 1, ratios: list[float] | None = None) -> tuple[Figure, Any]:
    """Returns a figure and its empty panels, [rows, columns]; of one column with height ``ratios`` [rows]."""
    figure = Figure(figsize=(WIDTH_INCHES, 0.7 + PANEL_INCHES * max(rows, 2)), layout="constrained")
    panels = figure.subplots(rows, columns, sharex=True, squeeze=False, height_ratios=ratios)
    for axes in panels.flat:
        axes.set_facecolor("none")
        axes.grid(True, color=GRID, linewidth=0.5)
        axes.set_axisbelow(True)
        axes.tick_params(colors=MUTED, labelsize=7, length=0)
        for side, spine in axes.spines.items():
            spine.set_visible(side == "left")
            spine.set_color(GRID)
    return figure, panels[:, 0] if columns == 1 and ratios else panels


def _draw_channel(axes: Axes, time: Any, picture: Picture, at: int, named: bool = True) -> None:
    told = picture.explanation
    rows, thin = _thinned(picture.actual[:, at])
    if told is not None and np.isfinite(told.expected[:, at]).any():
        axes.fill_between(
            time, told.low[:, at], told.high[:, at], color=EXPECTED, alpha=0.15, linewidth=0, label="99% band"
        )
        axes.plot(time, told.expected[:, at], color=EXPECTED, linewidth=1.1, linestyle="--", label="expected")
    axes.plot(time[rows], thin, color=INK, linewidth=0.9, label="actual")
    if named:
        axes.set_ylabel(label(picture.schema.channels[at]), rotation=0, ha="right", va="center", fontsize=8, color=INK)


def _draw_score(axes: Axes, time: Any, score: Floats) -> None:
    rows, thin = _thinned(score)
    axes.plot(time[rows], thin, color=INK, linewidth=0.9, label="_score")
    axes.axhline(1.0, color=ALARM, linewidth=1.0, label="limit")
    axes.fill_between(time[rows], 1.0, np.maximum(thin, 1.0), color=ALARM, alpha=0.55, linewidth=0)
    highest = np.nanmax(score) if np.isfinite(score).any() else 1.0
    axes.set_ylim(0, 1.08 * max(float(highest), 1.3))
    axes.set_ylabel("anomaly\nscore", rotation=0, ha="right", va="center", fontsize=8, color=INK)


def _shade(axes: Axes, time: Any, flags: Bools | None, **look: Any) -> None:
    for first, stop in intervals(flags) if flags is not None else ():
        last = min(stop, len(time) - 1)  # up to the next row, so that a single row is visible
        axes.axvspan(time[first], time[last], linewidth=0, **look)


def _thinned(values: Floats) -> tuple[Ints, Floats]:
    """Keeps the least and the greatest value of every stretch, so that no peak is lost in a long series."""
    step = 2 * len(values) // MOST_POINTS
    if step <= 2:
        return np.arange(len(values)), values
    begins = np.arange(0, len(values), step)
    low = np.fmin.reduceat(values, begins)
    high = np.fmax.reduceat(values, begins)
    return np.repeat(begins, 2), np.stack([low, high], axis=1).ravel()


def _loudest(scores: pd.DataFrame, schema: Schema) -> list[int]:
    """Positions of the channels that lead most often while the score is high, at most eight, in schema order."""
    weight = scores["anomaly_score"].fillna(0.0) ** 2
    led = weight.groupby(scores["top_channel"]).sum().reindex(list(schema.names), fill_value=0.0)
    return sorted(np.argsort(-led.to_numpy(), kind="stable")[:MOST_CHANNELS].tolist())


def time_axis(time_ns: Ints, schema: Schema) -> Any:
    """Returns times [N] as an axis shows them: of a clock, or row numbers."""
    return time_ns.astype("datetime64[ns]") if schema.has_clock else time_ns // NS


def date(axes: Axes, schema: Schema) -> None:
    """Writes dates, or that rows are counted, below the last panel."""
    if schema.has_clock:
        locator = AutoDateLocator(minticks=4, maxticks=9)
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
        axes.xaxis.get_offset_text().set(color=MUTED, fontsize=7)
    else:
        axes.set_xlabel("row", fontsize=7, color=MUTED)


def label(channel: Channel) -> str:
    """Returns name and unit of a channel."""
    return f"{channel.name}\n{channel.unit}" if channel.unit else channel.name


def legend(figure: Figure, panels: Iterable[Axes]) -> None:
    """Explains every kind of line once, at the top."""
    entries: dict[Any, Any] = {}
    for axes in panels:
        handles, labels = axes.get_legend_handles_labels()
        entries.update(zip(labels, handles, strict=True))
    if entries:
        places: dict[str, Any] = {"loc": "outside upper right", "ncols": len(entries), "labelcolor": MUTED}
        figure.legend(list(entries.values()), list(entries), fontsize=7, frameon=False, **places)
