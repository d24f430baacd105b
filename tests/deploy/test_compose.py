"""The compose file: by the specification's schema, and every path, host, port and command in it."""

import ast
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import jsonschema
import pytest
import yaml
from command_lines import understood
from go_modules import module

from pipelines.loading import load

FOLDER = Path("deploy")
COMPOSE = yaml.safe_load((FOLDER / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name: one for name, one in SERVICES.items() if "build" in one and "entrypoint" not in one}
MADE_BY_HAND = {"./compose/token"}


def schema() -> dict[str, Any]:
    folder = module("github.com/compose-spec/compose-go/v2", "v2.16.2")
    return json.loads((folder / "schema/compose-spec.json").read_text())


def settings():
    return load(FOLDER / "compose/reconwatch.yaml", {"RECONWATCH__SERVER__TOKEN": "secret"})


def published(service: str) -> set[int]:
    return {int(port.split(":")[2]) for port in SERVICES[service].get("ports", [])}


def test_it_is_a_compose_file():
    jsonschema.validate(COMPOSE, schema())


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c["services"]["daemon"].update(restarts="always"),
        lambda c: c["services"]["kafka"].update(environment="KAFKA_NODE_ID"),
        lambda c: c["services"]["daemon"]["depends_on"]["topics"].update(condition="done"),
        lambda c: c["services"]["mlflow"]["healthcheck"].update(test=5),
    ],
)
def test_planted_faults_are_found(change):
    broken = json.loads(json.dumps(COMPOSE))
    change(broken)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, schema())


@pytest.mark.parametrize("name", OURS)
def test_commands_are_understood(name):
    arguments = OURS[name]["command"]
    assert understood(arguments)
    inside = {volume.split(":")[1] for volume in OURS[name]["volumes"]}
    for place in filter(lambda argument: argument.startswith("/"), arguments):
        assert any(place == target or place.startswith(f"{target}/") for target in inside), place


def test_a_command_that_is_not_understood_is_found():
    with pytest.raises(click.UsageError):
        understood(["run", "--konfig", "x.yaml"])


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_listens_beyond_this_machine_and_images_are_pinned(name):
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))
    assert re.fullmatch(r"[\w./-]+:v?\d+(\.\d+)+", SERVICES[name]["image"])


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_mounted_is_there(name):
    for volume in SERVICES[name].get("volumes", []):
        source = volume.split(":")[0]
        if source.startswith("."):
            assert (FOLDER / source).exists(), source
        else:
            assert source in COMPOSE["volumes"]
    for secret in SERVICES[name].get("secrets", []):
        assert secret in COMPOSE["secrets"]


def test_what_somebody_waits_for_can_come():
    for one in SERVICES.values():
        waits = one.get("depends_on", {})
        for other, how in waits.items() if isinstance(waits, dict) else ((name, {}) for name in waits):
            awaited = SERVICES[other]
            if how.get("condition") == "service_healthy":
                assert "healthcheck" in awaited or awaited["build"]["target"] == "serve"
            if how.get("condition") == "service_completed_successfully":
                assert awaited["restart"] == "no"


def test_images_are_stages_of_the_dockerfile():
    stages = set(re.findall(r"^FROM \S+ AS (\S+)$", (FOLDER / "Dockerfile").read_text(), re.MULTILINE))
    for one in SERVICES.values():
        if build := one.get("build"):
            assert build["target"] in stages
            assert (FOLDER / build["context"] / build["dockerfile"]).resolve() == (FOLDER / "Dockerfile").resolve()


def test_the_daemon_finds_everybody_by_name_and_port():
    found = settings()
    kafka = SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"].removeprefix("PLAINTEXT://")
    assert found.source.connection.bootstrap_servers == (kafka,)
    mlflow = urlsplit(found.detector.registry.uri)
    assert (mlflow.hostname, mlflow.port) == ("mlflow", *published("mlflow"))
    assert f"--port={mlflow.port}" in SERVICES["mlflow"]["command"]
    assert any(f"{mlflow.hostname}:{mlflow.port}" in part for part in SERVICES["mlflow"]["command"])
    alertmanager = urlsplit(next(sink.url for sink in found.sinks if sink.kind == "alertmanager"))
    assert (alertmanager.hostname, alertmanager.port) == ("alertmanager", *published("alertmanager"))
    assert published("daemon") == {found.server.port}
    mounted = {volume.split(":")[1] for volume in SERVICES["daemon"]["volumes"]}
    assert "/var/lib/reconwatch" in mounted
    assert str(found.detector.registry.folder).startswith("/var/lib/reconwatch")
    assert str(found.retrain.folder).startswith("/var/lib/reconwatch")
    assert found.retrain.data[0].startswith("/demo/")


def test_prometheus_scrapes_the_daemon_and_tells_alertmanager():
    config = yaml.safe_load((FOLDER / "compose/prometheus.yml").read_text())
    (scrape,) = config["scrape_configs"]
    assert scrape["static_configs"][0]["targets"] == [f"daemon:{settings().server.port}"]
    assert scrape["authorization"]["credentials_file"] == "/run/secrets/token"
    (told,) = config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"]
    assert told == f"alertmanager:{next(iter(published('alertmanager')))}"
    beside = yaml.safe_load((FOLDER / "prometheus/prometheus.yml").read_text())
    assert config["rule_files"] == beside["rule_files"]
    assert scrape["job_name"] == beside["scrape_configs"][0]["job_name"]


def test_grafana_finds_prometheus_and_its_boards():
    grafana = SERVICES["grafana"]
    prometheus = urlsplit(grafana["environment"]["PROMETHEUS_URL"])
    assert (prometheus.hostname, prometheus.port) == ("prometheus", *published("prometheus"))
    provisioning = FOLDER / "grafana/provisioning"
    (source,) = yaml.safe_load(next((provisioning / "datasources").iterdir()).read_text())["datasources"]
    assert source["url"] == "${PROMETHEUS_URL}"
    (boards,) = yaml.safe_load(next((provisioning / "dashboards").iterdir()).read_text())["providers"]
    mounted = dict(volume.split(":")[:2] for volume in grafana["volumes"])
    assert mounted["./grafana/dashboards"] == boards["options"]["path"]
    assert mounted["./grafana/provisioning"] == "/etc/grafana/provisioning"
    assert list((FOLDER / "grafana/dashboards").glob("*.json"))


def test_the_token_is_where_the_daemon_looks_for_it():
    for name in OURS:
        assert SERVICES[name]["environment"] == {"RECONWATCH__SERVER__TOKEN__FILE": "/run/secrets/token"}
        assert SERVICES[name]["secrets"] == ["token"]
    assert COMPOSE["secrets"]["token"]["file"].split(":-")[1].rstrip("}") in MADE_BY_HAND
    assert "/deploy/compose/token" in Path(".gitignore").read_text().splitlines()


def test_health_is_asked_by_python_that_runs():
    for one in SERVICES.values():
        test = one.get("healthcheck", {}).get("test", [])
        if "-c" in test:
            ast.parse(test[-1])
