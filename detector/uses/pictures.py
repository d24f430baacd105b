"""Pictures of what encoders and decoders are also for."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter

from detector.fitting.frames import ordered_times, values_of
from detector.plots import (
    ALARM,
    EXPECTED,
    GRID,
    INK,
    KNOWN,
    MOST_CHANNELS,
    MUTED,
    WIDTH_INCHES,
    date,
    label,
    legend,
    panels_of,
    time_axis,
)  # fmt: skip
from detector.types import Bools, Floats, Ints
from detector.uses.compress import Compression
from detector.uses.impute import Imputed
from detector.windows.schema import Schema

SHOWN_ROWS = 400
"""Rows of a series that a picture shows: noise and gaps cannot be seen in more."""


def embeddings_figure(codes: pd.DataFrame, labels: Bools | None = None) -> Figure:
    """Draws codes on their two main axes, coloured by time, and all of them over time.

    Args:
        codes: from ``encode``.
        labels: [N] windows known to be anomalous, drawn red.
    """
    values = codes.filter(like="code_").to_numpy(np.float64)
    centred = values - values.mean(axis=0)
    _, _, axes_of_codes = np.linalg.svd(centred[:: max(1, len(centred) // 4000)], full_matrices=False)
    plane = centred @ axes_of_codes[:2].T
    plane = np.pad(plane, ((0, 0), (0, 2 - plane.shape[1])))
    figure = Figure(figsize=(WIDTH_INCHES, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    known = np.zeros(len(plane), bool) if labels is None else labels
    late = np.linspace(0, 1, len(plane))
    left.scatter(*plane[~known].T, c=late[~known], cmap="viridis", s=5, linewidths=0)
    if known.any():
        left.scatter(*plane[known].T, color=ALARM, s=7, linewidths=0, label="known fault")
        left.legend(fontsize=7, frameon=False, labelcolor=MUTED)
    left.set_title("codes on their two main axes, dark is early", fontsize=8, color=MUTED)
    size = np.abs(centred).max() or 1.0
    step = max(1, len(centred) // 1000)
    right.imshow(centred[::step].T, aspect="auto", cmap="RdBu_r", vmin=-size, vmax=size, interpolation="nearest")
    right.set_title(f"every value of the code, {step} windows a column", fontsize=8, color=MUTED)
    for panel in (left, right):
        _plain(panel)
    return figure


def denoised_figure(frame: pd.DataFrame, clean: pd.DataFrame, schema: Schema) -> Figure:
    """Draws a stretch of a series as it came and without its noise."""
    order, time_ns = ordered_times(frame)
    noisy = values_of(schema, frame)[order]
    rows = _stretch(np.abs(np.diff(noisy, axis=0, prepend=noisy[:1])).sum(axis=1))
    return _two(schema, time_ns[rows], noisy[rows], clean.to_numpy(np.float64)[order][rows], "as it came", "denoised")


def imputed_figure(imputed: Imputed, schema: Schema) -> Figure:
    """Draws the stretch of a series with the most filled cells."""
    filled = imputed.filled.to_numpy()
    _, time_ns = ordered_times(imputed.values)
    rows = _stretch(filled.sum(axis=1).astype(float))
    values = imputed.values[list(schema.names)].to_numpy(np.float64)[rows]
    # A filled stretch is drawn up to the observed rows beside it, so that a single cell is visible.
    wide = filled[rows] | np.roll(filled[rows], 1, axis=0) | np.roll(filled[rows], -1, axis=0)
    seen, made = np.where(filled[rows], np.nan, values), np.where(wide, values, np.nan)
    most = np.argsort(-filled[rows].sum(axis=0), kind="stable")
    return _two(schema, time_ns[rows], seen, made, "observed", "filled", most)


def windows_figure(windows: pd.DataFrame, schema: Schema, real: Sequence[Floats] = (), most: int = 6) -> Figure:
    """Draws windows that stand one below the other in a table side by side.

    Args:
        windows: from ``sample`` or ``interpolate``: what names a window, its rows, the channels.
        schema: channels.
        real: windows [T, F] of the data, in the channels' own units, drawn grey behind.
        most: windows drawn at most, evenly picked.
    """
    name = windows.columns[0]
    labels = windows[name].unique()
    labels = labels[np.unique(np.linspace(0, len(labels) - 1, min(most, len(labels))).round().astype(int))]
    values = windows[list(schema.names)].to_numpy(np.float64)
    chosen = _liveliest(values, np.arange(values.shape[1]))
    figure, panels = panels_of(len(chosen), columns=len(labels))
    for column, which in enumerate(labels):
        part = values[(windows[name] == which).to_numpy()]
        for row, at in enumerate(chosen):
            axes: Axes = panels[row, column]
            if column < len(real):
                axes.plot(real[column][:, at], color=MUTED, linewidth=0.9, label="real")
            axes.plot(part[:, at], color=EXPECTED, linewidth=1.1, label="made by the decoder")
            axes.sharey(panels[row, 0])
            if not column:
                axes.set_ylabel(label(schema.channels[at]), rotation=0, ha="right", va="center", fontsize=8, color=INK)
        told = f"{which:.2f}" if isinstance(which, float) else str(which)
        panels[0, column].set_title(f"{name} {told}", fontsize=8, color=MUTED)
    legend(figure, panels.flat)
    return figure


def compression_figure(curves: dict[str, list[Compression]]) -> Figure:
    """Draws what is lost against how much smaller a window becomes, one curve per name."""
    figure = Figure(figsize=(WIDTH_INCHES * 0.6, 4.0), layout="constrained")
    axes = figure.subplots()
    for (name, points), color in zip(curves.items(), (EXPECTED, ALARM, INK, KNOWN, MUTED) * 9, strict=False):
        ordered = sorted(points, key=lambda point: point.ratio)
        ratios, lost = [point.ratio for point in ordered], [point.error_ratio for point in ordered]
        axes.plot(ratios, lost, color=color, linewidth=1.1, marker="o", markersize=4, label=name)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.set_xlabel("compression ratio", fontsize=8, color=INK)
    axes.set_ylabel("squared error / variance", fontsize=8, color=INK)
    axes.set_ylim(0, 1.08 * max(point.error_ratio for points in curves.values() for point in points))
    axes.grid(True, color=GRID, linewidth=0.5)
    axes.legend(fontsize=7, frameon=False, labelcolor=MUTED)
    _plain(axes)
    return figure


def _two(
    schema: Schema, time_ns: Ints, one: Floats, other: Floats, name: str, other_name: str, order: Ints | None = None
) -> Figure:
    """Draws two versions [N, F] of a series over each other, the channels that move most."""
    chosen = _liveliest(other, np.arange(one.shape[1]) if order is None else order)
    figure, panels = panels_of(len(chosen), ratios=[1.0] * len(chosen))
    time = time_axis(time_ns, schema)
    for axes, at in zip(np.atleast_1d(panels), chosen, strict=True):
        axes.plot(time, one[:, at], color=MUTED, linewidth=0.8, label=name)
        axes.plot(time, other[:, at], color=EXPECTED, linewidth=1.3, label=other_name)
        axes.set_ylabel(label(schema.channels[at]), rotation=0, ha="right", va="center", fontsize=8, color=INK)
    date(np.atleast_1d(panels)[-1], schema)
    legend(figure, np.atleast_1d(panels))
    return figure


def _liveliest(values: Floats, order: Ints) -> list[int]:
    """Returns the first channels in ``order`` that move at all, in the schema's order, the first one if none does."""
    moving = [int(at) for at in order if np.isfinite(values[:, at]).any() and np.nanstd(values[:, at]) > 0]
    return sorted((moving or [int(order[0])])[: MOST_CHANNELS // 2])


def _stretch(weight: Floats) -> slice:
    """Returns the rows of the stretch with the largest weight."""
    total = np.cumsum(np.nan_to_num(np.append(0, weight)))
    width = min(SHOWN_ROWS, len(weight))
    sums = total[width:] - total[:-width]
    heaviest = np.flatnonzero(sums == sums.max())
    begin = int(heaviest[len(heaviest) // 2])  # so that what weighs stands in the middle
    return slice(begin, begin + width)


def _plain(axes: Axes) -> None:
    axes.set_axisbelow(True)
    axes.tick_params(colors=MUTED, labelsize=7, length=0)
    for spine in axes.spines.values():
        spine.set_color(GRID)
