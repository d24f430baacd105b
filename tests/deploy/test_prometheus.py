"""The rules that Prometheus is given: each has a runbook and both of its cases, and asks only for what there is."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from tools import tool

from pipelines.telemetry import TABLE, names

ROOT = Path(__file__).parents[2]
HOME = ROOT / "deploy/prometheus"
ALERTS = {rule["alert"]: rule for rule in yaml.safe_load((HOME / "rules/alerts.yml").read_text())["groups"][0]["rules"]}
RECORDED = yaml.safe_load((HOME / "rules/recording.yml").read_text())["groups"][0]["rules"]


def _cases(alert: str) -> list[dict[str, Any]]:
    return yaml.safe_load((HOME / f"tests/{alert}.yml").read_text())["tests"]


def test_there_is_an_alert_for_everything_that_matters() -> None:
    assert len(ALERTS) >= 12
    assert {path.stem for path in (HOME / "tests").iterdir()} == set(ALERTS)
    assert {path.stem for path in (ROOT / "docs/runbooks").iterdir()} - {"README"} == set(ALERTS)


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_says_what_to_do_and_has_a_case_of_firing_and_one_of_quiet(alert: str) -> None:
    told = ALERTS[alert]["annotations"]
    assert told["summary"]
    runbook = (ROOT / told["runbook_url"]).read_text()
    assert runbook.startswith(f"# {alert}\n")
    assert "## How to look" in runbook
    assert "## What to do" in runbook
    expressions = [" ".join(line.split()) for line in ALERTS[alert]["expr"].splitlines()]
    assert " ".join(expressions).strip() in " ".join(runbook.split()), "the runbook shows another expression"
    fires, quiet = _cases(alert)
    for case, expected in ((fires, True), (quiet, False)):
        (asked,) = case["alert_rule_test"]
        assert asked["alertname"] == alert
        assert bool(asked["exp_alerts"]) == expected


def test_promtool_runs_every_case_and_finds_rules_and_configuration_clean() -> None:
    promtool = tool("promtool")
    for command in (
        ["test", "rules", *(str(path) for path in sorted((HOME / "tests").iterdir()))],
        ["check", "rules", "--lint-fatal", *(str(path) for path in sorted((HOME / "rules").iterdir()))],
        ["check", "config", str(HOME / "prometheus.yml")],
    ):
        done = subprocess.run([promtool, *command], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_case_that_should_fail_fails(tmp_path: Path) -> None:
    """Guards against cases that promtool does not look at."""
    case = (HOME / "tests/ReconwatchHalted.yml").read_text().replace("0x5 1x30", "0x35")
    path = tmp_path / "case.yml"
    path.write_text(case.replace("../rules", str(HOME / "rules")))
    assert subprocess.run([tool("promtool"), "test", "rules", str(path)], capture_output=True).returncode == 1


def test_rules_ask_only_for_metrics_of_the_table_and_for_recorded_ones() -> None:
    known = {name for metric in TABLE for name in names(metric)}
    recorded = {rule["record"] for rule in RECORDED}
    for rule in [*ALERTS.values(), *RECORDED]:
        assert set(re.findall(r"reconwatch_\w+", rule["expr"])) <= known, rule
        assert set(re.findall(r"reconwatch:\w+:\w+", rule["expr"])) <= recorded, rule


def test_alertmanagers_configuration_is_clean() -> None:
    command = [tool("amtool"), "check-config", str(ROOT / "deploy/alertmanager/alertmanager.yml")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    named = set(re.findall(r"Reconwatch\w+", (ROOT / "deploy/alertmanager/alertmanager.yml").read_text()))
    prefixes = {name.split("(")[0] for name in named}
    assert all(any(alert.startswith(prefix) for alert in ALERTS) for prefix in prefixes)
