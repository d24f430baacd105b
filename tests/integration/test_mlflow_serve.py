"""``mlflow models serve``: a registered version answers over HTTP with the scores that we give."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest

from detector.api import score
from detector.bundle import load
from pipelines.brokers.ports import free_ports
from pipelines.registry.mlflow.config import MlflowConfig

pytestmark = pytest.mark.filterwarnings("ignore")  # mlflow's own, of several kinds


@pytest.mark.chaos
@pytest.mark.timeout(400)
def test_a_registered_version_is_served_over_http_with_our_scores(
    tmp_path: Path, bundle: Path, stream: Callable[[int, int], pd.DataFrame]
) -> None:
    config = MlflowConfig(uri=f"sqlite:///{tmp_path}/mlflow.db", folder=tmp_path / "mlflow")
    registry = config.open("pumps")
    registry.register(bundle, {})
    registry.point({"champion": 1})
    port = free_ports(1)[0]
    command = [
        *(sys.executable, "-m", "mlflow", "models", "serve", "-m", "models:/pumps@champion"),
        *("--host", "127.0.0.1", "--port", str(port), "--env-manager", "local", "--workers", "1"),
    ]
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",  # MLflow starts uvicorn by its name
        "MLFLOW_TRACKING_URI": config.uri,
        "MLFLOW_REGISTRY_URI": config.uri,
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    frame = stream(300, 4)
    said = tmp_path / "served.log"
    with (
        said.open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True) as process,
    ):
        try:
            uri, begin = f"http://127.0.0.1:{port}", time.monotonic()
            while not _answers(uri):
                assert process.poll() is None, said.read_text()
                assert time.monotonic() - begin < 200, said.read_text()
                time.sleep(0.2)
            asked = {"dataframe_split": frame.to_dict("split", index=False), "params": {"delay": 4}}
            answer = httpx.post(f"{uri}/invocations", json=asked, timeout=60)
            assert answer.status_code == 200, answer.text
            refused = httpx.post(f"{uri}/invocations", json={"dataframe_records": [{"flow": 1.0}]}, timeout=60)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait(20)
    found = pd.DataFrame(answer.json()["predictions"])
    expected = score(load(bundle), frame, delay=4)
    np.testing.assert_array_equal(found.anomaly_score.to_numpy(float), expected.anomaly_score.to_numpy())
    assert found.is_anomaly.tolist() == expected.is_anomaly.tolist()
    assert found.is_anomaly.any()
    assert found.top_channel.tolist() == expected.top_channel.tolist()
    assert refused.status_code == 400, "rows without a time or a channel are no question"


def _answers(uri: str) -> bool:
    try:
        return httpx.get(f"{uri}/ping", timeout=1).status_code == 200
    except httpx.HTTPError:
        return False
