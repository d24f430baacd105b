"""The configuration of deploy/compose.yaml for processes of this machine: nothing but addresses and folders differ."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from detector.errors import ConfigError
from pipelines.brokers.ports import free_ports

DEPLOY = Path(__file__).parents[1]


class Ports(NamedTuple):
    """Free ports, one for every server."""

    mlflow: int
    daemon: int
    prometheus: int
    alertmanager: int


class Files(NamedTuple):
    """Configuration files as the servers read them."""

    daemon: Path
    prometheus: Path
    alertmanager: Path


def ports() -> Ports:
    """Returns ports that nobody listens on just now."""
    return Ports(*free_ports(len(Ports._fields)))


def place(folder: Path, ports: Ports, kafka: str, chat: str, token: str) -> Files:
    """Writes the deployed configuration into a folder.

    Args:
        folder: of the stack.
        ports: of its servers.
        kafka: host:port of the broker.
        chat: address that messages for people go to.
        token: that the daemon asks for.

    Raises:
        ConfigError: a file of deploy/ no longer says what is to be replaced.
    """
    (folder / "secrets").mkdir(parents=True, exist_ok=True)
    for name, content in {"slack-url": chat, "page-url": chat, "token": token}.items():
        (folder / "secrets" / name).write_text(content)
    manager = f"127.0.0.1:{ports.alertmanager}"
    daemon = {
        "http://mlflow:5000": f"http://127.0.0.1:{ports.mlflow}",
        "/var/lib/reconwatch": str(folder / "data"),
        "kafka:9092": kafka,
        "http://alertmanager:9093": f"http://{manager}",
        "host: 0.0.0.0": f"host: 127.0.0.1\n  port: {ports.daemon}",
        "/demo/": f"{folder}/demo/",
    }
    prometheus = {
        "alertmanager:9093": manager,
        "daemon:9108": f"127.0.0.1:{ports.daemon}",
        "/run/secrets/token": str(folder / "secrets/token"),
        "rules/*.yml": f"{DEPLOY}/prometheus/rules/*.yml",
    }
    alertmanager = {
        "/etc/alertmanager/secrets": str(folder / "secrets"),
        "- reconwatch.tmpl": f"- {DEPLOY}/alertmanager/reconwatch.tmpl",
    }
    return Files(
        _replaced(DEPLOY / "compose/reconwatch.yaml", folder / "reconwatch.yaml", daemon),
        _replaced(DEPLOY / "compose/prometheus.yml", folder / "prometheus.yml", prometheus),
        _replaced(DEPLOY / "alertmanager/alertmanager.yml", folder / "alertmanager.yml", alertmanager),
    )


def _replaced(source: Path, target: Path, changes: Mapping[str, str]) -> Path:
    text = source.read_text()
    for old, new in changes.items():
        if old not in text:
            raise ConfigError(f"{source} no longer says {old}: {Path(__file__).name} has to follow it.")
        text = text.replace(old, new)
    target.write_text(text)
    return target
