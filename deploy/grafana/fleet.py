"""The board Fleet: which detectors and series are anomalous now, and whether that is more than was allowed."""

from deploy.grafana.panels import LIMIT, Limits, Panel

D = 'detector=~"$detector"'
TITLE, UID, VARIABLES = "reconwatch / Fleet", "reconwatch-fleet", ("detector",)

ROWS = {
    "Now": [
        Panel("number", "Critical", "Open alerts whose peak is critical.", "short",
              [(f'sum(reconwatch_alerts_open{{{D},severity="critical"}})', "")], 4, Limits(bad=1)),
        Panel("number", "Major", "Open alerts whose peak is major.", "short",
              [(f'sum(reconwatch_alerts_open{{{D},severity="major"}})', "")], 4, Limits(bad=1)),
        Panel("number", "Warning", "Open alerts below that.", "short",
              [(f'sum(reconwatch_alerts_open{{{D},severity="warning"}})', "")], 4, Limits(warn=1)),
        Panel("number", "Series", "Series with state, of all daemons.", "short",
              [("sum(reconwatch_series_active)", "")], 4),
        Panel("number", "Detectors", "Names of detectors that serve.", "short",
              [("count(count by (detector) (reconwatch_model_info))", "")], 4),
        Panel("number", "Daemons that answer", "Targets that Prometheus reaches.", "short",
              [('sum(up{job="reconwatch"})', "")], 4),
    ],
    "Anomalous now": [
        Panel("table", "Open alerts", "Highest score over the limit of every open alert.", "short",
              [(f"sort_desc(max by (detector, series, severity) (reconwatch_alert_peak_ratio{{{D}}}))", "")],
              12, LIMIT),
        Panel("bars", "Loudest series", "Newest scores over the limit, of the twenty highest.", "short",
              [(f"topk(20, max by (detector, series) (reconwatch_series_score_ratio{{{D}}}))",
                "{{detector}} {{series}}")], 12, LIMIT),
        Panel("chart", "Highest scores", "Scores over the limit of the ten loudest series.", "short",
              [(f"topk(10, max by (detector, series) (reconwatch_series_score_ratio{{{D}}}))",
                "{{detector}} {{series}}")], 24, LIMIT),
    ],
    "Alarms and what was allowed": [
        Panel("chart", "Open alerts", "Alerts that are firing, by severity.", "short",
              [(f"sum by (severity) (reconwatch_alerts_open{{{D}}})", "{{severity}}")], 8),
        Panel("chart", "New alerts", "Alerts that fired or grew worse, per hour.", "short",
              [(f'sum by (detector) (increase(reconwatch_alerts_total{{{D},state="firing"}}[1h]))', "{{detector}}")],
              8),
        Panel("chart", "Alarms against budget", "Alarms since the start over those that the budget allows.",
              "short", [(f"max by (detector) (reconwatch_alarm_budget_realised_ratio{{{D}}})", "{{detector}}")], 8,
              Limits(warn=1, bad=3)),
        Panel("chart", "Scores over the limit", "Share of rows that score above their limit.", "percentunit",
              [(f"reconwatch:scores_over_limit:ratio5m{{{D}}}", "{{detector}}")], 12, Limits(warn=0.01, bad=0.1)),
        Panel("chart", "Rows decided about", "Per second.", "cps",
              [(f"sum by (detector) (reconwatch:windows_scored:rate5m{{{D}}})", "{{detector}}")], 12),
    ],
}  # fmt: skip
