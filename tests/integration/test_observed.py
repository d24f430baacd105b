"""A daemon on a real Kafka under load, as a real Prometheus and a real Alertmanager see it.

``UPDATE_GOLDEN=1`` writes docs/dashboards.md: every panel with its query and the series that it returned here.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from bench import Bench
from servers import alertmanager, free_port, prometheus

pytestmark = pytest.mark.timeout(300)

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/dashboards.md"
HEAD = """\
# Dashboards

Three boards for Grafana in `deploy/grafana`, made by `python -m deploy.grafana.build deploy/grafana/dashboards`, never
by hand; Grafana shows them without a click where `deploy/grafana/provisioning` is mounted. Every query below was put to
a Prometheus with the deployed rules, scraping a daemon on a real Kafka while records with faults came
(`UPDATE_GOLDEN=1 pytest tests/integration/test_observed.py` writes this page), and returned so many series. The test
fails where one returns none.
"""


class Watched(NamedTuple):
    """Addresses of a Prometheus and an Alertmanager that watch a daemon whose last fault still goes on."""

    prometheus: str
    alertmanager: str


def _deployed(folder: Path, daemon: int, manager: str) -> Path:
    """The deployed configuration, only addresses and rhythm changed."""
    text = (ROOT / "deploy/prometheus/prometheus.yml").read_text()
    changes = {
        "127.0.0.1:9108": f"127.0.0.1:{daemon}",
        "127.0.0.1:9093": manager.removeprefix("http://"),
        "rules/*.yml": f"{ROOT}/deploy/prometheus/rules/*.yml",
        "interval: 15s": "interval: 1s",
    }
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    path = folder / "prometheus.yml"
    path.write_text(text)
    return path


@pytest.fixture
def watched(bench: Bench, pumps: Callable, tmp_path: Path) -> Iterator[Watched]:
    records, port = pumps(300), free_port()
    records = records[: len(records) * 7 // 10]  # the second fault of every pump begins at two thirds
    quiet = tmp_path / "alertmanager.yml"
    quiet.write_text("route: {receiver: nobody, group_by: [detector, series]}\nreceivers: [{name: nobody}]\n")
    with ExitStack() as stack:
        manager = stack.enter_context(alertmanager(quiet, tmp_path / "am"))
        bench.tree["server"] = {"port": port}
        bench.tree["sinks"].append({"kind": "alertmanager", "url": manager})
        server = stack.enter_context(prometheus(_deployed(tmp_path, port, manager), tmp_path / "prometheus"))
        bench.produce(records[:60])
        bench.start()
        bench.wait_until_done()
        for start in range(60, len(records), 150):
            bench.produce(records[start : start + 150])
            time.sleep(0.5)  # so that several scrapes see the load
        bench.wait_until_done()
        yield Watched(server, manager)


def _asked(url: str, query: str) -> list[Any]:
    for variable in ("$detector", "$series", "$instance"):
        query = query.replace(variable, ".*")
    query = query.replace("$__rate_interval", "1m")
    answer = httpx.get(f"{url}/api/v1/query", params={"query": query}).json()
    assert answer["status"] == "success", (query, answer)
    return list(answer["data"]["result"])


def _panels() -> list[tuple[str, str, str]]:
    """Board, panel and query of everything shown."""
    boards = [
        json.loads((ROOT / f"deploy/grafana/dashboards/{b}.json").read_text()) for b in ("fleet", "detector", "service")
    ]
    return [
        (board["title"], panel["title"], target["expr"])
        for board in boards
        for panel in board["panels"]
        for target in panel.get("targets", [])
    ]


def _written(counts: dict[tuple[str, str, str], int]) -> str:
    page, last = HEAD, ""
    for (board, panel, query), count in counts.items():
        if board != last:
            page += f"\n## {board}\n\n| panel | query | series |\n|---|---|---|\n"
            last = board
        page += f"| {panel} | `{query.replace('|', '&#124;')}` | {count} |\n"
    return page


def test_every_panel_shows_something_and_alertmanager_takes_both_ways_for_one(watched: Watched) -> None:
    begin_s, counts = time.monotonic(), {}
    while time.monotonic() - begin_s < 60:
        counts = {panel: len(_asked(watched.prometheus, panel[2])) for panel in _panels()}
        if all(counts.values()):
            break
        time.sleep(1)
    assert not [panel for panel, count in counts.items() if not count], "panels without a series"
    if os.environ.get("UPDATE_GOLDEN"):
        PAGE.write_text(_written(counts))
    page = PAGE.read_text()
    assert _written(dict.fromkeys(counts, 0)).count("\n") == page.count("\n")
    assert all(f"| {name} | `{query.replace('|', '&#124;')}` |" in page for _, name, query in counts), "renew the page"

    peaks = {
        tuple(row["metric"][n] for n in ("series", "severity"))
        for row in _asked(watched.prometheus, "reconwatch_alert_peak_ratio")
    }
    assert peaks
    while time.monotonic() - begin_s < 120:
        told = httpx.get(f"{watched.alertmanager}/api/v2/alerts").json()
        found = [alert for alert in told if alert["labels"]["alertname"] == "ReconwatchAnomaly"]
        if any("runbook_url" in alert["annotations"] for alert in found):
            break
        time.sleep(0.5)
    assert any("runbook_url" in alert["annotations"] for alert in found), "Prometheus' rule reached Alertmanager"
    labels = [tuple(alert["labels"][name] for name in ("series", "severity")) for alert in found]
    assert sorted(labels) == sorted(peaks), "one alert per series, by whichever way it came"
