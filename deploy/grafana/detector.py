"""The board Detector: one detector, its model, its scores against the limit, and the channels that are to blame."""

from deploy.grafana.panels import LIMIT, Limits, Panel

D = 'detector=~"$detector"'
S = f'{D},series=~"$series"'
TITLE, UID, VARIABLES = "reconwatch / Detector", "reconwatch-detector", ("detector", "series")

ROWS = {
    "Model": [
        Panel("table", "What serves", "Version of the bundle, variant, backbone and the run that trained it.", "short",
              [(f"max by (detector, version, variant, backbone, run_id) (reconwatch_model_info{{{D}}})", "")], 12),
        Panel("number", "Data newer than training", "From the newest row trained on to the newest decided about.", "s",
              [(f"max(reconwatch_event_timestamp_seconds{{{D}}} - "
                f"reconwatch_model_trained_until_timestamp_seconds{{{D}}})", "")],
              4, Limits(warn=14 * 86_400, bad=30 * 86_400)),
        Panel("number", "Drift", "Evidence that scores are not what they were; 1 is enough to retrain.", "short",
              [(f"max(reconwatch_drift_ratio{{{D}}})", "")], 4, Limits(warn=0.5, bad=1)),
        Panel("number", "Swaps", "Detectors taken over since the start.", "short",
              [('sum(reconwatch_model_reloads_total{result="swapped"})', "")], 4),
    ],
    "Scores": [
        Panel("chart", "Scores against the limit", "Newest score over the limit; the line at 1 is the limit.", "short",
              [(f"max by (series) (reconwatch_series_score_ratio{{{S}}})", "{{series}}")], 16, LIMIT),
        Panel("heat", "All scores", "How many rows score how high, over the limit.", "short",
              [(f"sum by (le) (increase(reconwatch_score_ratio_bucket{{{D}}}[$__rate_interval]))", "{{le}}")], 8),
        Panel("chart", "Scores, quantiles", "Of all rows: median, 90% and 99%.", "short",
              [(f"histogram_quantile({q}, sum by (le) (rate(reconwatch_score_ratio_bucket{{{D}}}[5m])))", name)
               for q, name in ((0.5, "50%"), (0.9, "90%"), (0.99, "99%"))], 12, LIMIT),
        Panel("chart", "Drift", "Evidence over time; 1 is enough to retrain.", "short",
              [(f"max by (detector) (reconwatch_drift_ratio{{{D}}})", "{{detector}}")], 12, LIMIT),
    ],
    "Channels of open alerts": [
        Panel("chart", "Measured and expected", "At the highest score, with the band of normal errors.", "short",
              [(f"max by (series, channel, of) (reconwatch_alert_channel_value{{{S}}})",
                "{{series}} {{channel}} {{of}}")], 16),
        Panel("bars", "Shares", "Of the channels in the highest score.", "percentunit",
              [(f"max by (series, channel) (reconwatch_alert_channel_share_ratio{{{S}}})",
                "{{series}} {{channel}}")], 8),
    ],
    "Alarms": [
        Panel("table", "Open alerts", "Highest score over the limit.", "short",
              [(f"sort_desc(max by (series, severity) (reconwatch_alert_peak_ratio{{{S}}}))", "")], 8, LIMIT),
        Panel("chart", "Alarms against budget", "Alarms since the start over those that the budget allows.", "short",
              [(f"max by (detector) (reconwatch_alarm_budget_realised_ratio{{{D}}})", "{{detector}}")], 8,
              Limits(warn=1, bad=3)),
        Panel("chart", "Warming", "Share of rows decided about before their windows were full.", "percentunit",
              [(f"sum by (detector) (rate(reconwatch_windows_warming_total{{{D}}}[5m])) / "
                f"sum by (detector) (rate(reconwatch_windows_scored_total{{{D}}}[5m]))", "{{detector}}")], 8,
              Limits(warn=0.5)),
    ],
}  # fmt: skip
