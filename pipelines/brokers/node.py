"""One process of Apache Kafka: broker and KRaft controller in one, on the loopback interface."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from detector.errors import ConfigError, SourceLost
from pipelines.brokers.listeners import HOST

_FORMAT_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Jvm:
    """How the Java process is started.

    Attributes:
        java: the ``java`` to run.
        jars: the class path.
        heap_mb: largest heap in MiB.
    """

    java: Path
    jars: Sequence[Path]
    heap_mb: int = 512

    def command(self, main_class: str, *arguments: str) -> list[str]:
        """Returns the command line that runs ``main_class``."""
        flags = [f"-Xmx{self.heap_mb}m", "-Xms64m", "-XX:+UseSerialGC", "-Dorg.slf4j.simpleLogger.showDateTime=true"]
        class_path = os.pathsep.join(map(str, self.jars))
        return [str(self.java), *flags, "-cp", class_path, main_class, *arguments]


@dataclass(slots=True)
class Node:
    """One Kafka process and its directory.

    Attributes:
        node_id: 1, 2, 3.
        port: where clients connect.
        directory: configuration, ``server.log`` and data of the node.
    """

    node_id: int
    port: int
    directory: Path
    _process: subprocess.Popen | None = field(default=None, repr=False)

    @property
    def address(self) -> str:
        """``host:port`` for clients."""
        return f"{HOST}:{self.port}"

    @property
    def log_path(self) -> Path:
        """What the process has said."""
        return self.directory / "server.log"

    @property
    def pid(self) -> int | None:
        """The id of the running process, None where there is none."""
        return self._process.pid if self.running and self._process else None

    @property
    def running(self) -> bool:
        """Whether the process exists (a frozen one does)."""
        return self._process is not None and self._process.poll() is None

    def prepare(self, jvm: Jvm, cluster_id: str, properties: Mapping[str, object], users: Sequence[str] = ()) -> None:
        """Writes the configuration and formats the data directory, unless an earlier run has.

        Args:
            jvm: runs Kafka's tool.
            cluster_id: of the cluster.
            properties: of the broker.
            users: of SCRAM, as Kafka's tool takes them.

        Raises:
            ConfigError: Kafka refuses the configuration.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        data, config = self.directory / "data", self.directory / "server.properties"
        config.write_text("".join(f"{name}={value}\n" for name, value in {**properties, "log.dirs": data}.items()))
        if (data / "meta.properties").exists():
            return
        scram = [part for user in users for part in ("--add-scram", user)]
        command = jvm.command("kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(config), *scram)
        done = subprocess.run(command, capture_output=True, text=True, timeout=_FORMAT_TIMEOUT_S, check=False)
        if done.returncode:
            told = next((line for line in done.stderr.splitlines() if "xception" in line), done.stderr[-300:])
            raise ConfigError(f"Kafka cannot use {config}: {told.strip()}")

    def start(self, jvm: Jvm) -> None:
        """Starts the process, which dies with the thread that started it, even if that is killed."""
        command = jvm.command("kafka.Kafka", str(self.directory / "server.properties"))
        if setpriv := shutil.which("setpriv"):
            command = [setpriv, "--pdeathsig", "KILL", *command]
        with self.log_path.open("ab") as log:
            # A session of its own: Ctrl-C in the terminal reaches only us, and we stop the nodes in order.
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to the running process.

        Raises:
            SourceLost: it does not run.
        """
        if not self.running or self._process is None:
            raise SourceLost(f"Kafka node {self.node_id} does not run: {self.last_words()}")
        self._process.send_signal(number)

    def wait(self, timeout_s: float) -> bool:
        """Waits for the process to end and tells whether it did."""
        if self._process is None:
            return True
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def last_words(self) -> str:
        """Returns the last error in the node's log, and where the log is."""
        lines = self.log_path.read_text(errors="replace").splitlines() if self.log_path.exists() else []
        told = [line for line in lines if "ERROR" in line or "Exception" in line or "Error:" in line]
        return f"{(told or lines or ['it said nothing'])[-1][:300]} (see {self.log_path})"


def listening(port: int) -> bool:
    """Tells whether something accepts connections at a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0
