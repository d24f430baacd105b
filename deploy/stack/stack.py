"""The processes of a whole deployment, started in the order of deploy/compose.yaml."""

import os
import secrets
import shutil
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import cast

from rich.console import Console

from deploy.stack import plant
from deploy.stack.chat import Chat
from deploy.stack.placed import Files, Ports, place, ports
from deploy.stack.servers import done, program, running
from deploy.stack.stations import stations
from pipelines.brokers.cluster import KafkaCluster
from pipelines.io.kafka.config import KafkaConfig
from pipelines.io.kafka.topics import lags
from pipelines.loading import load

LIMIT_S = 120.0


class Stack:
    """Starts everything, and stops it at the end of ``open``.

    Args:
        out: folder for data and logs; an earlier one is removed.
        console: where people are told.
    """

    def __init__(self, out: Path, console: Console) -> None:
        self.out, self._console = out.absolute(), console
        self._token = secrets.token_hex(16)
        forbidden = {"MLFLOW_DISABLE_TELEMETRY": "true"}
        self._environment = {**os.environ, **forbidden, "RECONWATCH__SERVER__TOKEN": self._token}
        self.chat, self.ports = Chat(), ports()
        self.started_s: dict[str, float] = {}

    @contextmanager
    def open(self) -> Iterator[None]:
        """Runs the stack until the end of the block; a detector is trained and serves."""
        programs = {name: program(name) for name in ("prometheus", "alertmanager")}
        shutil.rmtree(self.out, ignore_errors=True)
        (self.out / "data").mkdir(parents=True)
        with ExitStack() as stack:
            with self._timed("Kafka"):
                self.kafka = stack.enter_context(KafkaCluster(directory=self.out / "kafka")).bootstrap
            stack.enter_context(self.chat.open())
            self.files = place(self.out, self.ports, self.kafka, self.chat.url, self._token)
            with self._timed("records of a plant"):
                self.records = plant.write(self.out / "demo", seed=0)
            for name, words, ready in self._servers(programs, self.files, self.ports):
                with self._timed(name):
                    log = self.out / f"{name}.log"
                    stack.enter_context(running(words, log, ready, self._environment))
            with self._timed("topics"):
                self._reconwatch("topics", "create", "--partitions", "3")
            with self._timed("retrain and promotion"):
                self._reconwatch("retrain")
            with self._timed("daemon"):
                words, ready = self._words("run"), f"http://127.0.0.1:{self.ports.daemon}/readyz"
                stack.enter_context(running(words, self.out / "daemon.log", ready, self._environment))
            yield

    def stream(self, records: Path) -> None:
        """Writes records into the input topic, all at once."""
        self._reconwatch("replay", str(records), "--to", "kafka", "--key", "pump")

    def caught_up(self) -> None:
        """Waits until everything in the topic has been decided about."""
        source = cast(KafkaConfig, load(self.files.daemon, self._environment).source)
        while sum(lag.records for lag in lags(source)):
            time.sleep(0.2)

    def follow(self) -> dict[str, float]:
        """Puts the fault into the stream; returns after how many seconds each station showed its alert."""
        looks = stations(self.kafka, self.ports, self.chat, self._token, self.records.series)
        begun_s, seen = time.monotonic(), dict[str, float]()
        writer = threading.Thread(target=self.stream, args=(self.records.faulty,))
        writer.start()
        while len(seen) < len(looks) and time.monotonic() - begun_s < LIMIT_S:
            for name in looks.keys() - seen.keys():
                if looks[name]():
                    seen[name] = time.monotonic() - begun_s
            time.sleep(0.1)
        writer.join()
        return {name: seen.get(name, float("nan")) for name in looks}

    def _servers(self, programs: Mapping[str, str], files: Files, at: Ports) -> list[tuple[str, list[str], str]]:
        mlflow = ["server", "--host=127.0.0.1", f"--port={at.mlflow}", "--workers=1"]
        store = [f"--backend-store-uri=sqlite:///{self.out}/mlflow.db", f"--artifacts-destination={self.out}/artifacts"]
        return [
            ("mlflow", [_beside("mlflow"), *mlflow, *store], f"http://127.0.0.1:{at.mlflow}/health"),
            (
                "prometheus",
                [
                    programs["prometheus"],
                    f"--config.file={files.prometheus}",
                    f"--storage.tsdb.path={self.out}/prometheus",
                    f"--web.listen-address=127.0.0.1:{at.prometheus}",
                ],
                f"http://127.0.0.1:{at.prometheus}/-/ready",
            ),
            (
                "alertmanager",
                [
                    programs["alertmanager"],
                    f"--config.file={files.alertmanager}",
                    f"--storage.path={self.out}/alertmanager",
                    f"--web.listen-address=127.0.0.1:{at.alertmanager}",
                    "--cluster.listen-address=",
                ],
                f"http://127.0.0.1:{at.alertmanager}/-/ready",
            ),
        ]

    def _words(self, *verb: str) -> list[str]:
        return [_beside("reconwatch"), *verb, "-c", str(self.files.daemon)]

    def _reconwatch(self, *verb: str) -> None:
        done(self._words(*verb), self.out / f"{verb[0]}.log", self._environment)

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        begun_s = time.monotonic()
        with self._console.status(f"{what} ..."):
            yield
        self.started_s[what] = time.monotonic() - begun_s
        self._console.print(f"{what:<24}{self.started_s[what]:6.1f} s")


def _beside(name: str) -> str:
    """Returns a program of the environment that runs this one."""
    return str(Path(sys.executable).with_name(name))
