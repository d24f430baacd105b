"""Pictures of a bake-off: bars with intervals, curves, and what probes reach."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from detector.evaluation.probe import BUDGETS
from detector.plots import EXPECTED, GRID, INK, MUTED
from pipelines.bakeoff.curves import GRID as CURVE_GRID
from pipelines.bakeoff.entrants import PCA, RAW, UNTRAINED
from pipelines.bakeoff.figures import FIGURES
from pipelines.bakeoff.marks import Marks
from pipelines.bakeoff.summary import Summary

PANEL_INCHES = 3.4
BESIDE = {RAW: ":", PCA: "-.", UNTRAINED: "--"}
"""Line styles of what stands beside the variants."""


def panels(columns: int, height: float, rows: int = 1, share_y: bool = True) -> tuple[Figure, np.ndarray]:
    """Returns a figure with plain panels, [rows, columns] of them."""
    figure = Figure(figsize=(max(PANEL_INCHES * columns, 5), height), layout="constrained")
    found = figure.subplots(rows, columns, squeeze=False, sharey=share_y)
    for axes in found.flat:
        axes.set_facecolor("none")
        axes.tick_params(colors=MUTED, labelsize=7, length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
    return figure, found


def bars(summary: Summary, variants: Sequence[str], backbones: Sequence[str], name: str) -> Figure:
    """Draws one figure of every variant with its interval, a panel per backbone; dotted is the raw window."""
    lines = [*variants, UNTRAINED]
    known = {variant for variant in lines for b in backbones if name in summary.get(f"{variant}-{b}", {})}
    lines = [variant for variant in lines if variant in known]
    figure, found = panels(len(backbones), 0.9 + 0.19 * len(lines))
    for axes, backbone in zip(found[0], backbones, strict=True):
        for place, variant in enumerate(lines):
            if mean := summary.get(f"{variant}-{backbone}", {}).get(name):
                colour = MUTED if variant in BESIDE else EXPECTED
                axes.barh(place, mean.value, height=0.7, color=colour, alpha=0.55, linewidth=0)
                axes.plot([mean.low, mean.high], [place, place], color=INK, linewidth=1)
        if beside := summary.get(RAW, {}).get(name):
            axes.axvline(beside.value, color=INK, linewidth=0.8, linestyle=":")
        axes.set_yticks(range(len(lines)), lines)
        axes.set_ylim(len(lines) - 0.4, -0.6)
        axes.grid(True, axis="x", color=GRID, linewidth=0.5)
        axes.set_axisbelow(True)
        _titled(axes, backbone, FIGURES[name].label)
    return figure


def curves(groups: Mapping[str, Sequence[Marks]], variants: Sequence[str], backbones: Sequence[str]) -> Figure:
    """Draws mean ROC curves above mean precision-recall curves, a column per backbone."""
    figure, found = panels(len(backbones), 6.4, rows=2)
    for column, backbone in enumerate(backbones):
        for name, look in _looks(variants, backbone):
            for axes, curve in zip(found[:, column], ("roc", "precision_recall"), strict=True):
                if group := groups.get(name):
                    axes.plot(CURVE_GRID, np.mean([getattr(one, curve) for one in group], axis=0), **look)
        _titled(found[0, column], backbone, "false positive rate")
        _titled(found[1, column], "", "recall")
    found[0, 0].set_ylabel("true positive rate", fontsize=7, color=MUTED)
    found[1, 0].set_ylabel("precision", fontsize=7, color=MUTED)
    _finished(figure, found)
    return figure


def channels(groups: Mapping[str, Sequence[Marks]], variants: Sequence[str], backbones: Sequence[str]) -> Figure:
    """Draws the held-out error of every channel as shades, a panel per backbone; channels of the first case."""
    figure, found = panels(len(backbones), 1.2 + 0.19 * len(variants), share_y=False)
    for axes, backbone in zip(found[0], backbones, strict=True):
        present = [variant for variant in variants if f"{variant}-{backbone}" in groups]
        errors = [_channel_error(groups[f"{variant}-{backbone}"]) for variant in present]
        if errors:
            shades = axes.imshow(
                np.array(errors), cmap="viridis", aspect="auto", vmin=0, vmax=np.quantile(errors, 0.98)
            )
            figure.colorbar(shades, ax=axes, shrink=0.6).ax.tick_params(colors=MUTED, labelsize=6, length=0)
        axes.set_yticks(range(len(present)), present)
        _titled(axes, backbone, "channel")
    return figure


def _channel_error(group: Sequence[Marks]) -> list[float]:
    """Returns the mean error of every channel over the trainings whose channels are those of the first one."""
    same = [one.channel_error for one in group if one.channel_error.keys() == group[0].channel_error.keys()]
    return [float(np.mean([errors[channel] for errors in same])) for channel in group[0].channel_error]


def probes(summary: Summary, variants: Sequence[str], backbones: Sequence[str]) -> Figure:
    """Draws the accuracy of probes against the number of labels, a panel per backbone."""
    figure, found = panels(len(backbones), 3.6)
    for axes, backbone in zip(found[0], backbones, strict=True):
        for name, look in _looks(variants, backbone):
            known = {n: summary[name][f"probe_{n}"].value for n in BUDGETS if f"probe_{n}" in summary.get(name, {})}
            axes.plot(list(known), list(known.values()), marker=".", markersize=3, **look)
        axes.set_xscale("log")
        axes.set_xticks(BUDGETS, [str(n) for n in BUDGETS], minor=False)
        axes.minorticks_off()
        _titled(axes, backbone, "labels")
    found[0, 0].set_ylabel("accuracy", fontsize=7, color=MUTED)
    _finished(figure, found)
    return figure


def _looks(variants: Sequence[str], backbone: str) -> list[tuple[str, dict[str, object]]]:
    """Returns name and look of every line of a panel; PCA is the same on every backbone."""
    colours = matplotlib.colormaps["tab20"](np.linspace(0, 1, 20))
    shown = [variant for variant in variants if variant not in BESIDE]
    lines: list[tuple[str, dict[str, object]]] = [
        (f"{variant}-{backbone}", {"color": colour, "linewidth": 1, "label": variant})
        for variant, colour in zip(shown, colours, strict=False)
    ]
    for variant, style in BESIDE.items():
        name = variant if variant == RAW else f"{variant}-{backbone}"
        lines.append((name, {"color": INK, "linewidth": 1.2, "linestyle": style, "label": variant}))
    return lines


def _titled(axes: Axes, title: str, below: str) -> None:
    axes.set_title(title, fontsize=9, color=MUTED)
    axes.set_xlabel(below, fontsize=7, color=MUTED)


def _finished(figure: Figure, found: np.ndarray) -> None:
    for axes in found.flat:
        axes.grid(True, color=GRID, linewidth=0.5)
        axes.set_axisbelow(True)
    handles, labels = found.flat[0].get_legend_handles_labels()
    place: dict[str, Any] = {"loc": "outside lower center", "ncols": 7, "labelcolor": MUTED}
    figure.legend(handles, labels, fontsize=7, frameon=False, **place)
