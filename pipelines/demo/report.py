"""The demonstration's report: one HTML file without anything outside it, readable by day and by night."""

from collections.abc import Sequence
from html import escape
from importlib.resources import files
from itertools import count
from string import Template

from detector.alerting.alert import Alert
from detector.bundle import Bundle
from detector.errors import ConfigError
from detector.types import DecisionBatch
from pipelines.demo.outcome import Finding, Outcome
from pipelines.demo.pictures import incident, overview
from pipelines.demo.show import minutes, stamp
from pipelines.demo.stage import Stage
from pipelines.page import style, svg

MOST_FALSE_ALARMS = 6


class Report:
    """Puts the page together.

    Args:
        stage: the plant.
        bundle: the detector.
        outcome: what was found.
        decisions: about every streamed row of every pump, in order of time.
        delay: rows that a score waited for.
    """

    def __init__(
        self, stage: Stage, bundle: Bundle, outcome: Outcome, decisions: dict[str, DecisionBatch], delay: int
    ) -> None:
        self._stage, self._bundle, self._outcome = stage, bundle, outcome
        self._decisions, self._delay = decisions, delay
        self._numbers = count()

    def write(self) -> None:
        """Writes the page to the stage's place for it.

        Raises:
            ConfigError: it cannot be written.
        """
        path = self._stage.report
        try:
            path.write_text(self.page(), encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"cannot write {path}: {error.strerror}; choose another --out.") from error

    def page(self) -> str:
        """Returns the page."""
        plant, outcome = self._stage.plant, self._outcome
        faults = [finding.fault for finding in outcome.findings]
        raised = [finding.alert for finding in outcome.findings if finding.alert] + list(outcome.false_alarms)
        template = Template(files("pipelines.demo").joinpath("report.html").read_text(encoding="utf-8"))
        return template.substitute(
            style=style(),
            setting=f"{plant.pumps} pumps, {len(plant.record_schema.channels)} channels, a reading every "
            f"{plant.interval_s} s. Learnt from {plant.history_days} quiet days, then watched {plant.live_days} more.",
            tiles=self._tiles(),
            overview=svg(overview(self._stage, faults, raised), next(self._numbers)),
            rows="\n".join(map(_row, outcome.findings)),
            findings="\n".join(map(self._finding, outcome.findings)),
            false_alarms=self._false_alarms(outcome.false_alarms) or '<p class="muted">None.</p>',
            commands=escape(_commands(self._stage)),
        )

    def _tiles(self) -> str:
        outcome, plant = self._outcome, self._stage.plant
        delay = outcome.median_delay_s
        facts = {
            "faults found": f"{outcome.detected} of {len(outcome.findings)}",
            f"false alarms in {plant.pumps * plant.live_days / 7:.1f} pump weeks": str(len(outcome.false_alarms)),
            "median delay": "none" if delay is None else minutes(delay),
            "rows scored": f"{sum(map(len, self._decisions.values())):,}",
        }
        tile = '<div class="tile"><b>{}</b><span class="muted">{}</span></div>'
        return "".join(tile.format(value, name) for name, value in facts.items())

    def _finding(self, finding: Finding) -> str:
        fault, alert = finding.fault, finding.alert
        title = f'<a id="{_anchor(finding)}"></a>{fault.kind}, {fault.series}, {stamp(fault.start_ns)}'
        told = finding.told or "No alert was raised."
        badge = ("found", "found") if alert else ("missed", "missed")
        return _card(title, badge, told, self._picture(fault.series, fault.start_ns, fault.end_ns))

    def _false_alarms(self, alerts: Sequence[Alert]) -> str:
        cards = []
        for alert in alerts[:MOST_FALSE_ALARMS]:
            picture = self._picture(alert.series, alert.start_ns, alert.end_ns or alert.peak_ns)
            title = f"{alert.series}, {stamp(alert.start_ns)}"
            cards.append(_card(title, ("false", "no fault"), alert.sentence(), picture))
        if rest := len(alerts) - len(cards):
            cards.append(f'<p class="muted">And {rest} more.</p>')
        return "\n".join(cards)

    def _picture(self, series: str, start_ns: int, end_ns: int) -> str:
        figure = incident(self._stage, self._bundle, series, (start_ns, end_ns), self._decisions[series], self._delay)
        return svg(figure, next(self._numbers))


def _card(title: str, badge: tuple[str, str], told: str, picture: str) -> str:
    kind, word = badge
    return (
        f'<div class="card"><h3>{title} <span class="badge {kind}">{word}</span></h3>'
        f"<p>{escape(told)}</p>{picture}</div>"
    )


def _row(finding: Finding) -> str:
    fault, alert = finding.fault, finding.alert
    link = f'<a href="#{_anchor(finding)}">{fault.kind}</a>'
    cells = [link, fault.series, stamp(fault.start_ns)]
    if alert is None or finding.delay_s is None:
        cells += ['<span class="missed">missed</span>', "", ""]
    else:
        loudest = alert.channels[0].name if alert.channels else ""
        cells += [minutes(finding.delay_s), f"{alert.peak_score:.1f}", loudest]
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _anchor(finding: Finding) -> str:
    return f"{finding.fault.series}-{finding.fault.kind.replace(' ', '-')}"


def _commands(stage: Stage) -> str:
    series = stage.plant.names[0]
    out = stage.out
    return (
        f"reconwatch train --data {out}/history/*.csv --out {stage.bundle}\n"
        f"reconwatch run -c {out}/config.yaml\n"
        f"reconwatch score --bundle {stage.bundle} --data {out}/history/{series}.csv --out scores.csv --plot scores.png"
    )
