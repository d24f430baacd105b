"""The board Service: whether the daemons keep up, commit, deliver, and what they cost."""

from deploy.grafana.panels import Limits, Panel

I = 'instance=~"$instance"'  # noqa: E741
RATE = "[$__rate_interval]"
TITLE, UID, VARIABLES = "reconwatch / Service", "reconwatch-service", ("instance",)


def _rates(metric: str, label: str) -> list[tuple[str, str]]:
    return [(f"sum by ({label}) (rate({metric}{{{I}}}{RATE}))", f"{{{{{label}}}}}")]


ROWS = {
    "Does it keep up?": [
        Panel("number", "Lag", "Records known to wait.", "short",
              [(f"sum(reconwatch:lag:sum{{{I}}})", "")], 4, Limits(warn=10_000, bad=100_000)),
        Panel("number", "Last commit", "Since the positions were committed last.", "s",
              [(f"max(time() - reconwatch_last_commit_timestamp_seconds{{{I}}})", "")], 4, Limits(warn=60, bad=300)),
        Panel("number", "Halted", "Daemons stopped by a flood of dead letters.", "short",
              [(f"sum(reconwatch_halted{{{I}}})", "")], 4, Limits(bad=1)),
        Panel("number", "Old configuration", "Daemons whose changed configuration is not valid.", "short",
              [(f"count(reconwatch_config_last_reload_successful{{{I}}}) - "
                f"sum(reconwatch_config_last_reload_successful{{{I}}})", "")], 4, Limits(bad=1)),
        Panel("number", "Alerts dropped", "By sinks over HTTP, since the start.", "short",
              [(f"sum(reconwatch_alert_sink_dropped_total{{{I}}})", "")], 4, Limits(bad=1)),
        Panel("number", "Records lost", "Deleted from the log before they were read.", "short",
              [(f"sum(reconwatch_lost_records_total{{{I}}})", "")], 4, Limits(bad=1)),
        Panel("chart", "Records", "Read per second, by what became of them.", "cps",
              _rates("reconwatch_records_total", "outcome"), 8),
        Panel("chart", "Lag", "Records known to wait, by topic and partition.", "short",
              [(f"sum by (topic, partition) (reconwatch_consumer_lag_records{{{I}}})", "{{topic}} {{partition}}")], 8,
              Limits(warn=10_000, bad=100_000)),
        Panel("chart", "From poll to commit", "Seconds that a micro-batch takes.", "s",
              [(f"reconwatch:end_to_end_seconds:p50{{{I}}}", "50% {{instance}}"),
               (f"reconwatch:end_to_end_seconds:p99{{{I}}}", "99% {{instance}}")], 8, Limits(bad=3)),
        Panel("chart", "Scoring", "Seconds to align and score a micro-batch, 99%.", "s",
              [(f"reconwatch:inference_seconds:p99{{{I}}}", "{{detector}} {{instance}}")], 8),
        Panel("chart", "Rows per micro-batch", "Mean.", "short",
              [(f"sum by (instance) (rate(reconwatch_batch_windows_sum{{{I}}}{RATE})) / "
                f"sum by (instance) (rate(reconwatch_batch_windows_count{{{I}}}{RATE}))", "{{instance}}")], 8),
        Panel("chart", "Transactions", "Per second, by what became of them.", "cps",
              _rates("reconwatch_transactions_total", "result"), 8),
    ],
    "What goes wrong": [
        Panel("chart", "Dead letters", "Records that could not be read, per second, by reason.", "cps",
              _rates("reconwatch_dead_letters_total", "reason"), 8),
        Panel("chart", "Share of dead letters", "Of all records.", "percentunit",
              [(f"reconwatch:dead_letters:ratio10m{{{I}}}", "{{instance}}")], 8, Limits(warn=0.01, bad=0.1)),
        Panel("chart", "Share of late readings", "Dropped because their row was closed.", "percentunit",
              [(f"reconwatch:late:ratio10m{{{I}}}", "{{instance}}")], 8, Limits(warn=0.01, bad=0.1)),
        Panel("chart", "Rebalances", "Polls in which partitions began or ended, per hour.", "short",
              [(f"sum by (instance) (increase(reconwatch_rebalances_total{{{I}}}[1h]))", "{{instance}}")], 8),
        Panel("chart", "Read again", "Records read again to rebuild windows, per second.", "cps",
              _rates("reconwatch_replayed_records_total", "instance"), 8),
        Panel("chart", "Looks at the registry", "That gave something to tell, per hour.", "short",
              [(f"sum by (result) (increase(reconwatch_model_reloads_total{{{I}}}[1h]))", "{{result}}")], 8),
    ],
    "Delivery": [
        Panel("chart", "Alerts delivered", "Taken by receivers, per second, by sink.", "cps",
              _rates("reconwatch_alert_sink_sent_total", "sink"), 8),
        Panel("chart", "Alerts that wait", "By sink.", "short",
              [(f"sum by (sink) (reconwatch_alert_sink_waiting{{{I}}})", "{{sink}}")], 8, Limits(warn=100, bad=5000)),
        Panel("chart", "Series left off", "Series and alerts that scrapes had no room for, per hour.", "short",
              [(f"sum by (instance) (increase(reconwatch_series_left_off_total{{{I}}}[1h]))", "{{instance}}")], 8),
    ],
    "Resources": [
        Panel("chart", "Memory", "Resident.", "bytes", [(f"process_resident_memory_bytes{{{I}}}", "{{instance}}")], 8),
        Panel("chart", "Processor", "Cores in use.", "short",
              [(f"rate(process_cpu_seconds_total{{{I}}}{RATE})", "{{instance}}")], 8),
        Panel("chart", "Series", "With state.", "short", [(f"reconwatch_series_active{{{I}}}", "{{instance}}")], 8),
    ],
}  # fmt: skip
