"""What pages that people keep are made of: one style, and pictures that stand inside the page."""

import base64
import io
from importlib.resources import files

import matplotlib
from matplotlib.figure import Figure

from detector.plots import ALARM, EXPECTED, GRID, INK, KNOWN, MUTED

_THEME = {INK: "ink", MUTED: "muted", GRID: "grid", EXPECTED: "expected", ALARM: "alarm", KNOWN: "known"}

DOTS_PER_INCH = 110


def style() -> str:
    """Returns the style sheet, for day and night."""
    return files("pipelines").joinpath("page.css").read_text(encoding="utf-8")


def svg(figure: Figure, number: int) -> str:
    """Returns a figure as SVG whose colours follow the page; ``number`` keeps its ids apart from other figures'."""
    text = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": f"reconwatch-{number}"}):
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    drawn = text.getvalue()
    drawn = drawn[drawn.index("<svg") :]
    for colour, name in _THEME.items():
        drawn = drawn.replace(colour, f"var(--{name})")
    return drawn


def png(figure: Figure, told: str) -> str:
    """Returns a figure of many marks as an image that is part of the page; ``told`` says what it shows."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=DOTS_PER_INCH, transparent=True, metadata={"Software": None})
    return f'<img alt="{told}" src="data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}">'
