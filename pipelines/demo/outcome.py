"""Alerts set against the faults that were put in: found, missed, invented, and how late."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median

import numpy as np

from detector.alerting.alert import Alert
from detector.types import DecisionBatch
from detector.windows.schema import NS
from pipelines.demo.faults import Fault

AFTERMATH_S = 1800
"""An alert that begins so soon after a fault still belongs to it: its rows are in the windows."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault and the first alert about it.

    Attributes:
        fault: what was put in.
        alert: as it stood at last, None if it was missed.
        told: what was said when it fired, empty if it was missed.
        delay_s: from the first row of the fault until the alert could be raised, event time.
    """

    fault: Fault
    alert: Alert | None
    told: str
    delay_s: float | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a demonstration went.

    Attributes:
        findings: one per fault, in order of time.
        false_alarms: alerts that belong to no fault.
    """

    findings: tuple[Finding, ...]
    false_alarms: tuple[Alert, ...]

    @property
    def detected(self) -> int:
        """Faults that an alert was raised for."""
        return sum(finding.alert is not None for finding in self.findings)

    @property
    def median_delay_s(self) -> float | None:
        """Median delay of the detected faults, None where none was."""
        delays = [finding.delay_s for finding in self.findings if finding.delay_s is not None]
        return median(delays) if delays else None


def judge(
    faults: Iterable[Fault],
    alerts: Iterable[Alert],
    decisions: Mapping[str, DecisionBatch],
    fire_rows: int,
    wait_s: float,
) -> Outcome:
    """Matches alerts with faults by series and time.

    Args:
        faults: what was put in.
        alerts: every record of every alert, in order.
        decisions: about every row of every series, in order of time.
        fire_rows: rows over the limit before an alert fires.
        wait_s: how long a score waits for rows to come.
    """
    alerts = list(alerts)
    latest = {alert.id: alert for alert in alerts}
    told = {alert.id: alert.sentence() for alert in reversed(alerts)}
    ordered = sorted(latest.values(), key=lambda alert: alert.start_ns)
    faults = tuple(faults)
    findings = []
    for fault in faults:
        first = next((alert for alert in ordered if _belongs(alert, fault)), None)
        delay_s = None
        if first is not None:
            fired_ns = _fired_ns(first, decisions[first.series], fire_rows)
            delay_s = max(0.0, (fired_ns - fault.start_ns) / NS + wait_s)
        findings.append(Finding(fault, first, told[first.id] if first else "", delay_s))
    strangers = tuple(alert for alert in ordered if not any(_belongs(alert, fault) for fault in faults))
    return Outcome(tuple(findings), strangers)


def _fired_ns(alert: Alert, decisions: DecisionBatch, fire_rows: int) -> int:
    """Returns the time of the row that made the alert fire: so many rows over the limit after its first."""
    over = np.flatnonzero((decisions.time_ns >= alert.start_ns) & decisions.is_anomaly)
    return int(decisions.time_ns[over[fire_rows - 1]])


def _belongs(alert: Alert, fault: Fault) -> bool:
    ended_before = alert.end_ns is not None and alert.end_ns < fault.start_ns
    return alert.series == fault.series and not ended_before and alert.start_ns <= fault.end_ns + AFTERMATH_S * NS
