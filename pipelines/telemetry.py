"""Every metric in one table, each counted once per micro-batch."""

from collections import Counter as Tally
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, get_args

import numpy as np
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, disable_created_metrics

from detector.alerting.alert import Alert, Severity
from pipelines.io.base import DeadLetter, Output, Place, RawBatch
from pipelines.metrics.collectors import Asked, Ratios
from pipelines.metrics.series import MetricsConfig, SeriesPage

disable_created_metrics()  # a gauge beside every counter would double the page

SECONDS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
ROWS = (1, 4, 16, 64, 256, 1024, 4096, 16384)
RATIOS = (0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.5, 2.0, 4.0, 8.0, 16.0)


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
    "windows_warming": Metric(Counter, "Rows decided about before their windows were full.", ("detector",)),
    "event_timestamp_seconds": Metric(Gauge, "Event time of the newest row decided about.", ("detector",)),
    "batch_windows": Metric(Histogram, "Rows decided about per micro-batch.", (), ROWS),
    "inference_seconds": Metric(Histogram, "Time to align and score a micro-batch.", ("detector",), SECONDS),
    "end_to_end_seconds": Metric(Histogram, "Time from poll to flush of a micro-batch.", (), SECONDS),
    "score_ratio": Metric(Ratios, "Scores over the limit; 1 is the alert line.", ("detector",), RATIOS),
    "alerts": Metric(Counter, "Alerts that changed their state.", ("detector", "severity", "state")),
    "alerts_open": Metric(Gauge, "Alerts that are firing.", ("detector", "severity")),
    "alert_peak_ratio": Metric(
        Asked, "Highest score over the limit of an open alert.", ("detector", "series", "severity")
    ),
    "alert_channel_share_ratio": Metric(
        Asked, "Share of a channel in the highest score of an open alert.", ("detector", "series", "channel")
    ),
    "alert_channel_value": Metric(
        Asked,
        "A channel at the highest score of an open alert, in its own unit: measured, expected, low or high.",
        ("detector", "series", "channel", "of"),
    ),
    "series_score_ratio": Metric(
        Asked, "Newest score over the limit, of the series with the highest and of those named.", ("detector", "series")
    ),
    "series_left_off": Metric(Counter, "Series and open alerts that a scrape had no room for (metrics.most_series)."),
    "alert_sink_sent": Metric(Counter, "Alerts that a receiver took.", ("sink",)),
    "alert_sink_dropped": Metric(Counter, "Alerts given up: refused, too many waiting, or the end.", ("sink",)),
    "alert_sink_waiting": Metric(Gauge, "Alerts still to be delivered.", ("sink",)),
    "model": Metric(Info, "The detector that serves: its bundle, variant, backbone, and the run that trained it."),
    "model_trained_until_timestamp_seconds": Metric(
        Gauge, "Event time of the newest row that the serving detector was trained on.", ("detector",)
    ),
    "model_reloads": Metric(Counter, "Looks at the registry that gave something to tell.", ("result",)),
    "config_last_reload_successful": Metric(
        Gauge, "1 while the configuration in force is the one that stands written."
    ),
    "lost_records": Metric(Counter, "Records deleted from the log before they were read."),
    "consumer_lag_records": Metric(Gauge, "Records known to wait behind those read last.", ("topic", "partition")),
    "drift_ratio": Metric(
        Gauge, "Evidence that scores are not what they were in training, 1 is enough to retrain (log).", ("detector",)
    ),
    "drift_detected": Metric(Gauge, "1 once that evidence was enough, until another detector serves.", ("detector",)),
    "halted": Metric(Gauge, "1 once too many dead letters have stopped the reading."),
    "alarm_budget_realised_ratio": Metric(
        Gauge, "Alarms since the start over those that the budget allows for the rows decided since.", ("detector",)
    ),
    "rebalances": Metric(Counter, "Polls in which partitions began or ended."),
    "transactions": Metric(Counter, "Commits of results and positions, by what became of them.", ("result",)),
    "last_commit_timestamp_seconds": Metric(Gauge, "When the positions were committed last."),
    "snapshots": Metric(Counter, "Local snapshots, by what became of them.", ("result",)),
    "snapshot_timestamp_seconds": Metric(Gauge, "When a snapshot was written last."),
}


class Served(NamedTuple):
    """What is told of the detector that serves.

    Attributes:
        version: of its bundle.
        variant: of its autoencoders and kinds of its other members, joined by +.
        backbone: of its autoencoders, joined by +; empty without one.
        run_id: of the training in the registry; empty where a bundle serves.
        trained_until_s: event time of the newest row that it was trained on, NaN where unknown.
    """

    version: str
    variant: str = ""
    backbone: str = ""
    run_id: str = ""
    trained_until_s: float = float("nan")


class Telemetry:
    """The metrics of one daemon, in a registry of their own.

    Args:
        topic: what is read; for sources other than Kafka their kind.
        detector: name of the detector.
        served: what is told of it.
        config: which single series are shown.
    """

    def __init__(self, topic: str, detector: str, served: Served, config: MetricsConfig | None = None) -> None:
        self.registry = CollectorRegistry()
        self._metrics = {name: _made(name, metric, self.registry) for name, metric in TABLE.items()}
        self._detector = detector
        self._late = self._rows = self._alarms = 0
        self._lag: dict[int, tuple[tuple[str, ...], Gauge]] = {}
        self._page = SeriesPage(detector, config or MetricsConfig(), self._metrics["series_left_off"].inc)
        self._metrics["series_score_ratio"].ask = self._page.scores
        self._metrics["alert_peak_ratio"].ask = self._page.peaks
        self._metrics["alert_channel_share_ratio"].ask = self._page.shares
        self._metrics["alert_channel_value"].ask = self._page.values
        self._standing = {name: self._metrics["alerts_open"].labels(detector, name) for name in get_args(Severity)}
        self._alarms_per_row: float | None = None
        self._budget = self._metrics["alarm_budget_realised_ratio"].labels(detector)
        records = self._metrics["records"]
        self._decoded, self._dead = records.labels(topic, "decoded"), records.labels(topic, "dead_letter")
        self._windows = self._metrics["windows_scored"].labels(detector)
        self._warming = self._metrics["windows_warming"].labels(detector)
        self._event = self._metrics["event_timestamp_seconds"].labels(detector)
        self._trained = self._metrics["model_trained_until_timestamp_seconds"].labels(detector)
        self._inference = self._metrics["inference_seconds"].labels(detector)
        for result in ("swapped", "refused", "unavailable"):  # from 0, so that the first one is an increase
            self._metrics["model_reloads"].labels(result)
        for result in ("committed", "aborted"):
            self._metrics["transactions"].labels(result)
        for result in ("written", "failed", "used", "refused"):
            self._metrics["snapshots"].labels(result)
        self.configured(True)
        self.serves(served)

    def serves(self, served: Served) -> None:
        """Notes what serves."""
        told = {name: str(value) for name, value in served._asdict().items() if name != "trained_until_s"}
        self._metrics["model"].info({"detector": self._detector, **told})
        self._trained.set(served.trained_until_s)

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
            self._page.ended(number)
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

    def drifted(self, ratio: float, detected: bool) -> None:
        """Notes the evidence that retraining is due, and whether it has been enough."""
        self._metrics["drift_ratio"].labels(self._detector).set(ratio)
        self._metrics["drift_detected"].labels(self._detector).set(detected)

    def decoded(self, readings: int, dead_letters: Sequence[DeadLetter]) -> None:
        """Counts the records of a poll."""
        self._decoded.inc(readings)
        self._dead.inc(len(dead_letters))
        for reason, count in Tally(letter.reason for letter in dead_letters).items():
            self._metrics["dead_letters"].labels(reason).inc(count)

    def replayed(self, records: int) -> None:
        """Counts records read again."""
        self._metrics["replayed_records"].inc(records)

    def scored(self, outputs: Sequence[Output], seconds: float) -> None:
        """Counts what came of a micro-batch; aligning and scoring took ``seconds``."""
        self._metrics["batch_windows"].observe(sum(len(output.decisions) for output in outputs))
        self._inference.observe(seconds)
        for output in outputs:
            self._decided(output)

    def _decided(self, output: Output) -> None:
        self._windows.inc(len(output.decisions))
        self._metrics["score_ratio"].observe(self._detector, output.decisions.anomaly_score)
        self._warming.inc(np.count_nonzero(output.decisions.warming))
        if len(output.decisions):
            self._event.set(output.decisions.time_ns.max() / 1e9)
        self._page.silent(output.partition, output.silent)
        self._page.scored(output.partition, output.keys, output.decisions.series, output.decisions.anomaly_score)
        for (severity, state), count in Tally((alert.severity, alert.state) for alert in output.alerts).items():
            self._metrics["alerts"].labels(self._detector, severity, state).inc(count)
        self._spent(output)

    def standing(self, alerts: Iterable[Alert]) -> None:
        """Takes alerts that were firing already when their partitions began here."""
        self._page.changed(alerts)
        self._stand()

    def _spent(self, output: Output) -> None:
        """Sets the alarms raised against the budget; an alarm counts once, however often it grows worse."""
        if output.alerts:
            self._alarms += self._page.changed(output.alerts)
            self._stand()
        self._rows += len(output.decisions)
        if self._alarms_per_row and self._rows:
            self._budget.set(self._alarms / (self._rows * self._alarms_per_row))

    def _stand(self) -> None:
        found = Tally(alert.severity for alert in self._page.open.values())
        for severity, gauge in self._standing.items():
            gauge.set(found[severity])

    def sent(self, sink: str, alerts: int) -> None:
        """A receiver took alerts."""
        self._metrics["alert_sink_sent"].labels(sink).inc(alerts)

    def dropped(self, sink: str, alerts: int) -> None:
        """Alerts were given up."""
        self._metrics["alert_sink_dropped"].labels(sink).inc(alerts)

    def waiting(self, sink: str, alerts: int) -> None:
        """So many alerts are still to be delivered."""
        self._metrics["alert_sink_waiting"].labels(sink).set(alerts)

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

    def snapshot(self, result: str, now_s: float) -> None:
        """Counts a snapshot that was written, failed (to be), used or refused."""
        self._metrics["snapshots"].labels(result).inc()
        if result == "written":
            self._metrics["snapshot_timestamp_seconds"].set(now_s)


def names(metric: str) -> tuple[str, ...]:
    """Returns the names that a metric of the table has on the page, what it is known by in documents first."""
    full, kind = f"reconwatch_{metric}", TABLE[metric].kind
    if kind in (Histogram, Ratios):
        return full, f"{full}_bucket", f"{full}_count", f"{full}_sum"
    return (full + {Counter: "_total", Info: "_info"}.get(kind, ""),)


def _made(name: str, metric: Metric, registry: CollectorRegistry) -> Any:
    options = {"buckets": metric.buckets} if metric.buckets else {}
    return metric.kind(f"reconwatch_{name}", metric.help, labelnames=metric.labels, registry=registry, **options)
