"""Writes docs/metrics.md from the table of metrics: ``python docs/build_metrics.py > docs/metrics.md``."""

from pipelines.metrics.collectors import Asked
from pipelines.telemetry import TABLE, Metric, names

HEAD = """\
# Metrics

What `/metrics` of a daemon shows, made from the table in `pipelines/telemetry.py` by `python docs/build_metrics.py`.
Every name begins with `reconwatch_`; seconds, rows and ratios are base units; a ratio of 1 is the limit. Everything is
counted once per micro-batch, never per record.

No label grows with the number of series, except in the gauges marked *shown*: of single series and open alerts a
scrape takes those with the highest scores, `metrics.top_series` of them (50), and the series named in
`metrics.always`, at most `metrics.most_series` (200). `reconwatch_series_left_off_total` counts what had no room.
Beside these stand the `process_*` gauges of the process itself: memory, processor time, open files.

| metric | kind | labels | what |
|---|---|---|---|
"""


def page() -> str:
    """Returns the page."""
    return HEAD + "".join(_line(name, metric) for name, metric in sorted(TABLE.items()))


def _line(name: str, metric: Metric) -> str:
    kind = metric.kind.__name__
    shown = "gauge, *shown*" if metric.kind is Asked else {"Ratios": "histogram"}.get(kind, kind.lower())
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"| `{names(name)[0]}` | {shown} | {labels} | {metric.help} |\n"


if __name__ == "__main__":
    print(page(), end="")
