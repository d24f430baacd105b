"""The boards: as their code says, whole, and about metrics that there are."""

import itertools
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from pipelines.telemetry import TABLE, names

ROOT = Path(__file__).parents[2]
HOME = ROOT / "deploy/grafana"
BOARDS = {path.stem: json.loads(path.read_text()) for path in sorted((HOME / "dashboards").glob("*.json"))}
PROCESS = {"process_resident_memory_bytes", "process_cpu_seconds_total", "up"}


def panels(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Panels that show something."""
    return (panel for panel in board["panels"] if panel["type"] != "row")


def test_the_committed_boards_are_those_of_the_code(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "deploy.grafana.build", str(tmp_path)], cwd=ROOT, check=True)
    assert {path.stem for path in tmp_path.iterdir()} == set(BOARDS) == {"fleet", "detector", "service"}
    for path in tmp_path.iterdir():
        committed = (HOME / "dashboards" / path.name).read_text()
        assert path.read_text() == committed, f"run: python -m deploy.grafana.build {HOME / 'dashboards'}"


@pytest.mark.parametrize("name", BOARDS)
def test_the_models_of_the_sdk_read_every_board_without_loss(name: str) -> None:
    read = Dashboard.from_json(BOARDS[name])
    assert json.loads(JSONEncoder().encode(read)) == BOARDS[name]


@pytest.mark.parametrize("name", BOARDS)
def test_no_two_panels_lie_on_each_other_and_none_sticks_out(name: str) -> None:
    places = [panel["gridPos"] for panel in BOARDS[name]["panels"]]
    for place in places:
        assert place["x"] + place["w"] <= 24
    for one, other in itertools.combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or above, (one, other)


@pytest.mark.parametrize("name", BOARDS)
def test_every_panel_says_what_it_shows_in_which_unit_from_the_chosen_source(name: str) -> None:
    board = BOARDS[name]
    assert board["schemaVersion"] == 41
    variables = {variable["name"]: variable for variable in board["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    shown = json.dumps(board["panels"])
    for variable in set(variables) - {"datasource"}:
        assert f"${variable}" in shown, f"{variable} changes nothing"
    for panel in panels(board):
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["datasource"]["uid"] == "${datasource}"
        assert panel["fieldConfig"]["defaults"]["unit"] in ("short", "s", "cps", "bytes", "percentunit")
        steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
        values = [step["value"] for step in steps[1:]]
        assert steps[0]["value"] is None
        assert values == sorted(values)
        assert all(target["datasource"]["uid"] == "${datasource}" for target in panel["targets"])
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"]) > 0


@pytest.mark.parametrize("name", BOARDS)
def test_every_query_asks_for_metrics_of_the_table_or_recorded_ones(name: str) -> None:
    known = {full for metric in TABLE for full in names(metric)} | PROCESS
    groups = yaml.safe_load((ROOT / "deploy/prometheus/rules/recording.yml").read_text())["groups"]
    known |= {rule["record"] for rule in groups[0]["rules"]}
    queries = [target["expr"] for panel in panels(BOARDS[name]) for target in panel["targets"]]
    queries += [v["query"] for v in BOARDS[name]["templating"]["list"] if v["type"] == "query"]
    for query in queries:
        asked = set(re.findall(r"\b(?:reconwatch[_:][\w:]+|process_\w+|up)\b", query))
        assert asked, query
        assert asked <= known, query


def test_provisioning_names_what_the_boards_use() -> None:
    (source,) = yaml.safe_load((HOME / "provisioning/datasources/prometheus.yml").read_text())["datasources"]
    assert (source["type"], source["isDefault"]) == ("prometheus", True)
    (provider,) = yaml.safe_load((HOME / "provisioning/dashboards/reconwatch.yml").read_text())["providers"]
    assert provider["options"]["path"] == "/var/lib/grafana/dashboards"
