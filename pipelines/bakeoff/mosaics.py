"""Windows in rows beneath each other, as images or as lines, and maps of codes."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from detector.plots import EXPECTED, INK, MUTED
from detector.types import Floats
from pipelines.bakeoff.marks import Snapshot
from pipelines.bakeoff.pictures import panels

Rows = list[tuple[str, Floats]]
"""Windows [K, T, F] by the label of their row."""

ROW_INCHES, LABEL_INCHES = 0.42, 1.6
MAPS_PER_LINE = 8


def reconstructions(snapshots: Mapping[str, Snapshot], images: bool) -> Figure:
    """Draws held-out windows in the first row, and what each variant made of them below.

    Args:
        snapshots: by variant, of one backbone.
        images: a window is an image; otherwise a course of the channel that varies most.
    """
    windows = _first(snapshots).windows
    return _mosaic([("held out", windows)] + [(name, one.rebuilt) for name, one in snapshots.items()], images, windows)


def samples(snapshots: Mapping[str, Snapshot], images: bool) -> Figure | None:
    """Draws held-out windows in the first row, and windows that each generative variant made up below."""
    made = [(name, one.samples) for name, one in snapshots.items() if one.samples is not None]
    windows = _first(snapshots).windows
    return _mosaic([("real", windows), *made], images, None) if made else None


def paths(snapshots: Mapping[str, Snapshot], images: bool) -> Figure:
    """Draws, for each variant, windows decoded on the straight way between two codes."""
    ends = _first(snapshots).windows[[0, -1]]
    share = np.linspace(0, 1, len(_first(snapshots).path))[:, None, None]
    mixed = (1 - share) * ends[0] + share * ends[1]
    return _mosaic([("mixed pixels" if images else "mixed", mixed)] + [(n, one.path) for n, one in snapshots.items()],
                   images, None)  # fmt: skip


def maps(snapshots: Mapping[str, Snapshot]) -> Figure:
    """Draws the codes of each variant laid out in the plane, coloured by class."""
    lines = -(-len(snapshots) // MAPS_PER_LINE)
    columns = min(MAPS_PER_LINE, len(snapshots))
    figure, found = panels(columns, 0.2 + 1.5 * lines, rows=lines, share_y=False)
    figure.set_figwidth(max(1.45 * columns, 4))
    for axes in found.flat:
        axes.set_xticks([])
        axes.set_yticks([])
    for axes, (name, one) in zip(found.flat, snapshots.items(), strict=False):
        axes.set_title(name, fontsize=7, color=MUTED)
        if one.map is None:
            axes.text(0.5, 0.5, "all codes equal", fontsize=6, color=MUTED, ha="center")
        else:
            axes.scatter(*one.map.T, c=one.colour, cmap="tab10", s=2, linewidths=0)
    return figure


def _first(snapshots: Mapping[str, Snapshot]) -> Snapshot:
    return next(iter(snapshots.values()))


def _mosaic(rows: Rows, images: bool, behind: Floats | None) -> Figure:
    figure, found = panels(1, 0.3 + ROW_INCHES * len(rows))
    figure.set_figwidth(ROW_INCHES * len(rows[0][1]) + LABEL_INCHES if images else 7)
    axes = found[0, 0]
    if images:
        _images(axes, rows)
    else:
        _lines(axes, rows, behind)
    axes.set_xticks([])
    return figure


def _images(axes: Axes, rows: Rows) -> None:
    steps, channels = rows[0][1].shape[1:]
    low, high = rows[0][1].min(), rows[0][1].max()
    canvas = np.full((len(rows) * (steps + 1), len(rows[0][1]) * (channels + 1)), np.nan)
    for place, (_, windows) in enumerate(rows):
        for column, window in enumerate(windows):
            top, left = place * (steps + 1), column * (channels + 1)
            canvas[top : top + steps, left : left + channels] = window
    axes.imshow(canvas, cmap="gray_r", vmin=low, vmax=high, interpolation="nearest")
    axes.set_yticks([place * (steps + 1) + steps / 2 for place in range(len(rows))], [name for name, _ in rows])


def _lines(axes: Axes, rows: Rows, behind: Floats | None) -> None:
    channel = int(rows[0][1].std(axis=(0, 1)).argmax())
    low, high = (float(f(rows[0][1][..., channel])) for f in (np.min, np.max))
    length = rows[0][1].shape[1]
    for place, (_, windows) in enumerate(rows):
        for column, window in enumerate(windows):
            step = column * (length + 4) + np.arange(length)
            for values, colour in ((None if behind is None else behind[column], MUTED), (window, EXPECTED)):
                if values is not None:
                    height = np.clip((values[:, channel] - low) / max(high - low, 1e-9), -0.1, 1.1)
                    first = INK if not place else colour
                    axes.plot(step, place + 0.4 - 0.8 * height, color=first, linewidth=0.9)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks(range(len(rows)), [name for name, _ in rows])
