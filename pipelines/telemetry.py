"""Every metric in one table, each counted once per micro-batch."""

from collections import Counter as Tally
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

from detector.types import Floats
from pipelines.io.base import DeadLetter, Output, Place, RawBatch

SECONDS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
ROWS = (1, 4, 16, 64, 256, 1024, 4096, 16384)
RATIOS = (0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.5, 2.0, 4.0, 8.0, 16.0)


class Ratios(Collector):
    """A histogram that takes a whole array at a time.

    Args:
        name: of the metric.
        documentation: for people.
        labelnames: its one label.
        buckets: upper bounds.
        registry: where it is shown.
    """

    def __init__(
        self,
        name: str,
        documentation: str,
        labelnames: tuple[str],
        buckets: tuple[float, ...],
        registry: CollectorRegistry,
    ) -> None:
        self._name, self._documentation, self._labels = name, documentation, labelnames
        self._edges = np.array([*buckets, np.inf])
        self._counts: dict[str, np.ndarray] = {}
        self._sums: dict[str, float] = {}
        registry.register(self)

    def observe(self, label: str, values: Floats) -> None:
        """Counts values [B]; NaN is left out."""
        values = values[~np.isnan(values)]
        counts = np.bincount(np.searchsorted(self._edges, values), minlength=len(self._edges))
        self._counts[label] = self._counts.get(label, 0) + counts
        self._sums[label] = self._sums.get(label, 0.0) + float(values.sum())

    def collect(self) -> Iterable[HistogramMetricFamily]:
        """Gives the histogram to a scrape."""
        family = HistogramMetricFamily(self._name, self._documentation, labels=self._labels)
        edges = ["+Inf" if np.isinf(edge) else str(edge) for edge in self._edges.tolist()]
        for label, counts in self._counts.items():
            buckets = list(zip(edges, np.cumsum(counts).tolist(), strict=True))
            family.add_metric([label], buckets, self._sums[label])
        yield family


class Metric(NamedTuple):
    """One line of the table; the name on the page begins with ``reconwatch_``."""

    kind: Any
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


TABLE = {
    "records": Metric(Counter, "Records read, by what became of them.", ("topic", "outcome")),
    "dead_letters": Metric(Counter, "Records that could not be read.", ("reason",)),
    "late_records": Metric(Counter, "Readings dropped because they came too late."),
    "replayed_records": Metric(Counter, "Records read again after a start to rebuild the windows."),
    "series_active": Metric(Gauge, "Series with state."),
    "windows_scored": Metric(Counter, "Rows decided about.", ("detector",)),
    "batch_windows": Metric(Histogram, "Rows decided about per micro-batch.", (), ROWS),
    "inference_seconds": Metric(Histogram, "Time to align and score a micro-batch.", ("detector",), SECONDS),
    "end_to_end_seconds": Metric(Histogram, "Time from poll to flush of a micro-batch.", (), SECONDS),
    "score_ratio": Metric(Ratios, "Scores over the limit; 1 is the alert line.", ("detector",), RATIOS),
    "alerts": Metric(Counter, "Alerts that changed their state.", ("detector", "severity", "state")),
    "model": Metric(Info, "The detector that serves."),
    "model_reloads": Metric(Counter, "Looks at the registry that gave something to tell.", ("result",)),
    "config_last_reload_successful": Metric(
        Gauge, "1 while the configuration in force is the one that stands written."
    ),
    "lost_records": Metric(Counter, "Records deleted from the log before they were read."),
    "consumer_lag_records": Metric(Gauge, "Records known to wait behind those read last.", ("topic", "partition")),
    "halted": Metric(Gauge, "1 once too many dead letters have stopped the reading."),
    "alarm_budget_realised_ratio": Metric(
        Gauge, "Alarms since the start over those that the budget allows for the rows decided since.", ("detector",)
    ),
    "rebalances": Metric(Counter, "Polls in which partitions began or ended."),
    "transactions": Metric(Counter, "Commits of results and positions, by what became of them.", ("result",)),
    "last_commit_timestamp_seconds": Metric(Gauge, "When the positions were committed last."),
}


class Telemetry:
    """The metrics of one daemon, in a registry of their own.

    Args:
        topic: what is read; for sources other than Kafka their kind.
        detector: name of the detector.
        version: of its bundle.
    """

    def __init__(self, topic: str, detector: str, version: str) -> None:
        self.registry = CollectorRegistry()
        self._metrics = {name: _made(name, metric, self.registry) for name, metric in TABLE.items()}
        self._detector = detector
        self._late = self._rows = self._alarms = 0
        self._lag: dict[int, tuple[tuple[str, ...], Gauge]] = {}
        self._firing: set[str] = set()
        self._alarms_per_row: float | None = None
        self._budget = self._metrics["alarm_budget_realised_ratio"].labels(detector)
        records = self._metrics["records"]
        self._decoded, self._dead = records.labels(topic, "decoded"), records.labels(topic, "dead_letter")
        self._windows = self._metrics["windows_scored"].labels(detector)
        self._inference = self._metrics["inference_seconds"].labels(detector)
        self.configured(True)
        self.serves(version)

    def serves(self, version: str) -> None:
        """Notes which bundle serves."""
        self._metrics["model"].info({"detector": self._detector, "version": version})

    def reloaded(self, result: str) -> None:
        """Counts that another version was swapped in, refused, or could not be asked for (unavailable)."""
        self._metrics["model_reloads"].labels(result).inc()

    def configured(self, well: bool) -> None:
        """Notes whether the configuration, as it stands now, could be put into force."""
        self._metrics["config_last_reload_successful"].set(well)

    def followed(self, batch: RawBatch, place: Callable[[int], Place]) -> None:
        """Counts what began and ended with a poll and notes what waits behind it; ``place`` names partitions."""
        self._metrics["rebalances"].inc(bool(batch.begun or batch.ended))
        self._metrics["lost_records"].inc(sum(beginning.lost for beginning in batch.begun.values()))
        for number in batch.ended:
            if child := self._lag.pop(number, None):
                self._metrics["consumer_lag_records"].remove(*child[0])
        for number, records in batch.waiting.items():
            if number not in self._lag:
                labels = tuple(map(str, place(number)))
                self._lag[number] = labels, self._metrics["consumer_lag_records"].labels(*labels)
            self._lag[number][1].set(records)

    def allows(self, alarms_per_row: float | None) -> None:
        """Notes the budget that the limit was set for, None where there is none."""
        self._alarms_per_row = alarms_per_row

    def halted(self) -> None:
        """Notes that too many dead letters have stopped the reading."""
        self._metrics["halted"].set(1)

    def decoded(self, readings: int, dead_letters: Sequence[DeadLetter]) -> None:
        """Counts the records of a poll."""
        self._decoded.inc(readings)
        self._dead.inc(len(dead_letters))
        for reason, count in Tally(letter.reason for letter in dead_letters).items():
            self._metrics["dead_letters"].labels(reason).inc(count)

    def replayed(self, records: int) -> None:
        """Counts records read again."""
        self._metrics["replayed_records"].inc(records)

    def scored(self, output: Output, seconds: float) -> None:
        """Counts what came of a micro-batch; aligning and scoring took ``seconds``."""
        self._windows.inc(len(output.decisions))
        self._metrics["batch_windows"].observe(len(output.decisions))
        self._metrics["score_ratio"].observe(self._detector, output.decisions.anomaly_score)
        self._inference.observe(seconds)
        for (severity, state), count in Tally((alert.severity, alert.state) for alert in output.alerts).items():
            self._metrics["alerts"].labels(self._detector, severity, state).inc(count)
        self._spent(output)

    def _spent(self, output: Output) -> None:
        """Sets the alarms raised against the budget; an alarm counts once, however often it grows worse."""
        for alert in output.alerts:
            if alert.state == "firing" and alert.id not in self._firing:
                self._firing.add(alert.id)
                self._alarms += 1
            elif alert.state == "resolved":
                self._firing.discard(alert.id)
        self._rows += len(output.decisions)
        if self._alarms_per_row and self._rows:
            self._budget.set(self._alarms / (self._rows * self._alarms_per_row))

    def state(self, late: int, series: int) -> None:
        """Notes readings that came too late since the start, and how many series have state."""
        self._metrics["series_active"].set(series)
        self._metrics["late_records"].inc(late - self._late)
        self._late = late

    def aborted(self) -> None:
        """Counts a commit that failed."""
        self._metrics["transactions"].labels("aborted").inc()

    def committed(self, now_s: float, seconds: float) -> None:
        """Notes a commit, ``seconds`` after the records were polled."""
        self._metrics["transactions"].labels("committed").inc()
        self._metrics["end_to_end_seconds"].observe(seconds)
        self._metrics["last_commit_timestamp_seconds"].set(now_s)


def _made(name: str, metric: Metric, registry: CollectorRegistry) -> Any:
    options = {"buckets": metric.buckets} if metric.buckets else {}
    return metric.kind(f"reconwatch_{name}", metric.help, labelnames=metric.labels, registry=registry, **options)
