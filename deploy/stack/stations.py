"""Where an anomaly passes on its way to a person, and how one sees it there."""

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from deploy.stack.chat import Chat
from deploy.stack.placed import Ports
from pipelines.io.kafka.config import KafkaConnection
from pipelines.io.kafka.tail import Tail

Look = Callable[[], bool]


def stations(kafka: str, ports: Ports, chat: Chat, token: str, series: str) -> dict[str, Look]:
    """Returns a look at every station, by its name; each tells whether the alert of the series has arrived there."""
    topic = Tail(KafkaConnection(bootstrap_servers=(kafka,)), "alerts", from_start=True)
    manager = f"http://127.0.0.1:{ports.alertmanager}/api/v2/alerts"

    def alerts() -> bool:
        return any(json.loads(value)["series"] == series for value in topic.poll())

    def metrics() -> bool:
        page = _got(f"http://127.0.0.1:{ports.daemon}/metrics", token).decode()
        return re.search(rf'^reconwatch_alert_peak_ratio{{.*series="{series}"', page, re.MULTILINE) is not None

    def prometheus(query: str) -> Look:
        address = f"http://127.0.0.1:{ports.prometheus}/api/v1/query?{urlencode({'query': query})}"
        return lambda: bool(_asked(address)["data"]["result"])

    def managed() -> list[dict[str, Any]]:
        return [alert for alert in _asked(manager) if alert["labels"].get("series") == series]

    return {
        "topic alerts": alerts,
        "metrics page": metrics,
        "Prometheus, query": prometheus(f'reconwatch_alert_peak_ratio{{series="{series}"}}'),
        "Prometheus, firing rule": prometheus(
            f'ALERTS{{alertname="ReconwatchAnomaly",alertstate="firing",series="{series}"}}'
        ),
        "Alertmanager": lambda: bool(managed()),
        "Alertmanager, by rule too": lambda: any("runbook_url" in alert["annotations"] for alert in managed()),
        "message to people": lambda: any(series in message for message in chat.messages),
    }


def champion(port: int, name: str) -> dict[str, Any]:
    """Returns the version that MLflow calls the champion, with its run."""
    query = urlencode({"name": name, "alias": "champion"})
    address = f"http://127.0.0.1:{port}/api/2.0/mlflow/registered-models/alias?{query}"
    return dict(_asked(address)["model_version"])


def _asked(url: str) -> Any:
    return json.loads(_got(url))


def _got(url: str, token: str = "") -> bytes:
    request = Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
    with urlopen(request, timeout=2) as response:
        return bytes(response.read())
