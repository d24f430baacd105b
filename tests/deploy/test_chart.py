"""The Helm chart, by helm's own lint and by the schemas of Kubernetes, prometheus-operator and KEDA."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from go_modules import module
from tools import tool

from pipelines.cli.main import VERBS
from pipelines.loading import load

CHART = Path("deploy/helm/reconwatch")
KUBERNETES = "1.30.0"
SASL = {
    "config": {
        "source": {
            "connection": {
                "bootstrap_servers": ["kafka-0:9093", "kafka-1:9093"],
                "security_protocol": "SASL_SSL",
                "sasl_mechanism": "SCRAM-SHA-512",
                "username": "reconwatch",
                "ca_file": "/etc/reconwatch/tls/ca.pem",
            },
            "topics": ["plant-a", "plant-b"],
        }
    },
    "secretKeys": {"RECONWATCH__SOURCE__CONNECTION__PASSWORD": "kafka-password"},
    "secretFolders": [{"name": "kafka-tls", "path": "/etc/reconwatch-tls"}],
}
EVERYTHING = {
    "podMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "keda": {"enabled": True, "authenticationRef": "kafka"},
    "retrain": {"enabled": True, "historyClaim": "history"},
    "networkPolicy": {"metricsFrom": [{"namespaceSelector": {"matchLabels": {"team": "observability"}}}]},
    "imagePullSecrets": [{"name": "registry"}],
    "podAnnotations": {"team": "plant"},
    "nodeSelector": {"disk": "ssd"},
    "tolerations": [{"key": "dedicated", "operator": "Exists"}],
}
LEAST = {"podDisruptionBudget": {"enabled": False}, "networkPolicy": {"enabled": False}}
VALUES = {"default": {}, "everything": EVERYTHING, "sasl": EVERYTHING | SASL, "least": LEAST}
Render = Callable[[dict[str, Any]], "subprocess.CompletedProcess[str]"]
every_value = pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)


@pytest.fixture
def render(tmp_path: Path) -> Render:
    helm = tool("helm")

    def run(values: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        (tmp_path / "values.yaml").write_text(yaml.safe_dump(values))
        command = [helm, "template", "plant", CHART, "--kube-version", KUBERNETES, "--namespace", "pumps"]
        return subprocess.run([*command, "--values", tmp_path / "values.yaml"], capture_output=True, text=True)

    return run


def manifests(rendered: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert rendered.returncode == 0, rendered.stderr
    return {one["kind"]: one for one in yaml.safe_load_all(rendered.stdout) if one}


@pytest.fixture(scope="session")
def crds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The definitions that the cluster would have."""
    folder = tmp_path_factory.mktemp("crds")
    operator = module("github.com/prometheus-operator/prometheus-operator", "v0.85.0")
    keda = module("github.com/kedacore/keda/v2", "v2.21.0")
    shutil.copy(operator / "example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml", folder)
    shutil.copy(keda / "config/crd/bases/keda.sh_scaledobjects.yaml", folder)
    return folder


@pytest.fixture
def validated(crds: Path, tmp_path: Path) -> Callable[[str], str]:
    """Gives what Kubernetes has against manifests, empty if nothing."""
    program = tool("kubectl-validate")

    def run(text: str) -> str:
        (tmp_path / "all.yaml").write_text(text)
        told = subprocess.run([program, "--local-crds", crds, tmp_path / "all.yaml"], capture_output=True, text=True)
        return "" if told.returncode == 0 else told.stdout + told.stderr

    return run


def test_lint():
    told = subprocess.run([tool("helm"), "lint", CHART, "--strict"], capture_output=True, text=True)
    assert told.returncode == 0, told.stdout


@every_value
def test_kubernetes_takes_every_manifest(render, validated, values):
    rendered = render(values)
    assert manifests(rendered)
    assert validated(rendered.stdout) == ""


@pytest.mark.parametrize(
    "right, wrong",
    [
        ("podManagementPolicy: Parallel", "podManagementPolicy: [Parallel]"),
        ("readOnlyRootFilesystem: true", "readOnlyRootFileSystem: true"),
        ("path: /healthz", "paht: /healthz"),
        ("maxUnavailable: 1", "maxUnavailabel: 1"),
        ("interval: 15s", "interval: 15 seconds"),
        ("maxReplicaCount: 3", "maxReplicaCount: three"),
        ("startingDeadlineSeconds: 3600", "startingDeadlineSeconds: soon"),
    ],
)
def test_planted_faults_are_found(render, validated, right, wrong):
    text = render(EVERYTHING).stdout
    assert right in text
    assert validated(text.replace(right, wrong))


@every_value
def test_the_configuration_is_one_that_the_daemon_takes(render, tmp_path, values):
    found = manifests(render(values))
    config = tmp_path / "reconwatch.yaml"
    config.write_text(found["ConfigMap"]["data"]["reconwatch.yaml"])
    daemon = container(found["StatefulSet"])
    environment = {entry["name"]: f"given-{entry['name'].lower()}" for entry in daemon["env"]}
    settings = load(config, environment)
    assert settings.server.port == daemon["ports"][0]["containerPort"]
    assert settings.source.instance == "given-reconwatch__source__instance"
    assert settings.server.token is not None


def container(workload: dict[str, Any]) -> dict[str, Any]:
    spec = workload["spec"].get("jobTemplate", workload)["spec"]
    return spec["template"]["spec"]["containers"][0]


def test_names_and_ports_agree(render):
    found = manifests(render(EVERYTHING))
    labels = found["StatefulSet"]["spec"]["template"]["metadata"]["labels"]
    selectors = [
        found["StatefulSet"]["spec"]["selector"]["matchLabels"],
        found["Service"]["spec"]["selector"],
        found["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        found["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
        found["PodMonitor"]["spec"]["selector"]["matchLabels"],
    ]
    assert all(selector.items() <= labels.items() for selector in selectors)
    trainer = found["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["labels"]
    assert not any(selector.items() <= trainer.items() for selector in selectors)
    daemon = container(found["StatefulSet"])
    port = daemon["ports"][0]["name"]
    endpoint = found["PodMonitor"]["spec"]["podMetricsEndpoints"][0]
    probes = [daemon[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")]
    assert {endpoint["port"], found["NetworkPolicy"]["spec"]["ingress"][0]["ports"][0]["port"]} == {port}
    assert {probe["port"] for probe in probes} == {port}
    assert {probe["path"] for probe in probes} == {"/healthz", "/readyz"}
    assert found["ScaledObject"]["spec"]["scaleTargetRef"]["name"] == found["StatefulSet"]["metadata"]["name"]


def test_keda_scales_on_every_topic_and_alone(render):
    found = manifests(render(EVERYTHING | SASL))
    assert "replicas" not in found["StatefulSet"]["spec"]
    triggers = [trigger["metadata"] for trigger in found["ScaledObject"]["spec"]["triggers"]]
    assert [trigger["topic"] for trigger in triggers] == ["plant-a", "plant-b"]
    assert {trigger["bootstrapServers"] for trigger in triggers} == {"kafka-0:9093,kafka-1:9093"}
    assert {trigger["lagThreshold"] for trigger in triggers} == {"10000"}
    assert "replicas" in manifests(render({}))["StatefulSet"]["spec"]


@pytest.mark.parametrize("kind", ["StatefulSet", "CronJob"])
def test_pods_may_do_nothing_that_they_need_not(render, kind):
    workload = manifests(render(EVERYTHING))[kind]
    pod = workload["spec"].get("jobTemplate", workload)["spec"]["template"]["spec"]
    one = container(workload)
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["automountServiceAccountToken"] is False
    assert one["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    mounted = {mount["mountPath"] for mount in one["volumeMounts"]}
    assert {"/tmp", "/var/lib/reconwatch", "/etc/reconwatch"} <= mounted
    assert one["args"][0] in VERBS
    assert one["resources"]["limits"]["memory"]


@pytest.mark.parametrize(
    "values, told",
    [
        ({"replica": 2}, "replica"),
        ({"existingSecret": "Not A Name"}, "existingSecret"),
        ({"secretKeys": {"PASSWORD": "x"}}, "secretKeys"),
        ({"config": {"source": {"connection": {"password": "hunter2"}}}}, "password"),
        ({"config": {"server": {"token": "hunter2"}}}, "token"),
        ({"keda": {"maxReplicas": 0}}, "maxReplicas"),
        ({"retrain": {"schedule": "now and then"}}, "schedule"),
    ],
)
def test_values_that_mean_nothing_or_show_a_secret_are_refused(render, values, told):
    rendered = render(values)
    assert rendered.returncode != 0
    assert told in rendered.stderr


def test_every_value_has_its_line_in_the_schema():
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert schema["properties"].keys() - {"global"} == values.keys()
