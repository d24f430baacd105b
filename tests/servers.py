"""Real servers that tests start on loopback: each on a port of its own, stopped at the end."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from tools import tool


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@contextmanager
def running(command: list[str], ready: str, folder: Path, seconds: float = 30.0) -> Iterator[subprocess.Popen[bytes]]:
    """Runs a server in ``folder`` until the end of the block.

    Args:
        command: its words.
        ready: address that answers 200 as soon as it serves.
        folder: its place, for its log too.
        seconds: how long it may take.
    """
    log = folder / f"{Path(command[0]).name}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output)
    try:
        begin_s = time.monotonic()
        while not _answers(ready):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() - begin_s < seconds, f"{ready} does not answer: {log.read_text()}"
            time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def alertmanager(config: Path, folder: Path, port: int | None = None) -> Iterator[str]:
    """A real Alertmanager; yields its address."""
    folder.mkdir(parents=True, exist_ok=True)
    url = f"http://127.0.0.1:{port or free_port()}"
    command = [
        tool("alertmanager"),
        f"--config.file={config}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address={url.removeprefix('http://')}",
        "--cluster.listen-address=",
    ]
    with running(command, f"{url}/-/ready", folder):
        yield url


@contextmanager
def prometheus(config: Path, folder: Path) -> Iterator[str]:
    """A real Prometheus; yields its address."""
    folder.mkdir(parents=True, exist_ok=True)
    url = f"http://127.0.0.1:{free_port()}"
    command = [
        tool("prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={url.removeprefix('http://')}",
    ]
    with running(command, f"{url}/-/ready", folder):
        yield url


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=1) as response:
            return response.status == 200
    except (URLError, OSError):
        return False
