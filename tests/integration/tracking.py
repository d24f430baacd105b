"""A tracking server of MLflow that hands out artifacts itself."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from pipelines.brokers.ports import free_ports

Process = subprocess.Popen[bytes]


@contextmanager
def tracking_server(folder: Path) -> Iterator[tuple[str, Process]]:
    """Gives its address and its process, which leads a group."""
    (port,) = free_ports(1)
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", f"{folder}/artifacts"),
    ]
    environment = os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true"}
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment, start_new_session=True
    ) as process:
        try:
            uri, begin = f"http://127.0.0.1:{port}", time.monotonic()
            while not _answers(uri):
                assert process.poll() is None, "mlflow server does not start"
                assert time.monotonic() - begin < 180, "mlflow server does not answer"
                time.sleep(0.2)
            yield uri, process
        finally:
            end(process)


def end(process: Process) -> None:
    """Ends the server and its workers."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


def _answers(uri: str) -> bool:
    try:
        return httpx.get(f"{uri}/health", timeout=1).status_code == 200
    except httpx.HTTPError:
        return False
