"""Tables of a bake-off's page."""

from collections.abc import Sequence
from html import escape

import numpy as np

from pipelines.bakeoff.cases import Case
from pipelines.bakeoff.entrants import RAW
from pipelines.bakeoff.figures import FIGURES, HEADLINE, Section, of
from pipelines.bakeoff.orderings import Finding
from pipelines.bakeoff.summary import Mean, Summary

RAW_NAMES: dict[Section, str] = {"anomaly": "window L2 norm", "probe": "raw windows"}


def section_table(summary: Summary, section: Section) -> str:
    """Returns the figures of one comparison, the best entrant first, the best of each column in bold."""
    names = of(section)
    order = HEADLINE.get(section, names[0])
    known = {entrant: means for entrant, means in summary.items() if any(name in means for name in names)}
    best = {name: _best([means[name] for means in known.values() if name in means], name) for name in names}
    head = "".join(f'<th class="number">{escape(FIGURES[name].label)}</th>' for name in names)
    rows = []
    for entrant in sorted(known, key=lambda entrant: _rank(known[entrant].get(order), order)):
        cells = "".join(_cell(known[entrant].get(name), name, best[name]) for name in names)
        shown = RAW_NAMES.get(section, entrant) if entrant == RAW else entrant
        rows.append(f"<tr><td>{escape(shown)}</td>{cells}</tr>")
    return f'<div class="scroll"><table><tr><th></th>{head}</tr>{"".join(rows)}</table></div>'


def orderings_table(found: Sequence[Finding]) -> str:
    """Returns what came of every known ordering."""
    rows = "".join(
        f"<tr><td>{escape(one.claim.sentence)}</td><td>{one.backbone}</td><td>{FIGURES[one.claim.figure].label}</td>"
        f'<td class="number">{one.gain.value:+.3f} <span class="muted">({one.gain.low:+.3f} to {one.gain.high:+.3f})'
        f"</span></td><td>{one.verdict}</td></tr>"
        for one in found
    )
    head = "<tr><th>ordering</th><th>backbone</th><th>by</th><th>ahead by (95%)</th><th>it</th></tr>"
    return f'<div class="scroll"><table>{head}{rows}</table></div>'


def cases_rows(cases: Sequence[Case]) -> str:
    """Returns a row per case."""
    return "".join(
        f"<tr><td>{escape(case.name)}</td>"
        + "".join(
            f'<td class="number">{count:,}</td>'
            for count in (
                len(case.channels), len(case.learn), len(case.later), len(case.test), int(case.labels.sum()),
            )
        )
        + "</tr>"
        for case in cases
    )  # fmt: skip


def shown(value: float) -> str:
    """Returns a number with three digits that count."""
    if not np.isfinite(value):
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _cell(mean: Mean | None, name: str, best: float) -> str:
    if mean is None or not np.isfinite(mean.value):
        return '<td class="number muted">-</td>'
    value = f"<b>{shown(mean.value)}</b>" if mean.value == best else shown(mean.value)
    reach = f' <span class="muted">±{shown(mean.high - mean.value)}</span>' if mean.high > mean.value else ""
    return f'<td class="number">{value}{reach}</td>'


def _rank(mean: Mean | None, name: str) -> float:
    if mean is None or not np.isfinite(mean.value):
        return np.inf
    better = FIGURES[name].better
    return -mean.value if better == "more" else mean.value if better == "less" else abs(np.log(max(mean.value, 1e-9)))


def _best(means: Sequence[Mean], name: str) -> float:
    known = [mean for mean in means if np.isfinite(mean.value)]
    return min(known, key=lambda mean: _rank(mean, name)).value if known else np.nan
