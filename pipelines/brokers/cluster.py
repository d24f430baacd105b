"""A real Apache Kafka of one or three nodes on this machine, for tests and for trying things out."""

import base64
import logging
import shutil
import signal
import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from detector.errors import ConfigError, SourceLost
from pipelines.brokers.jars import kafka_jars
from pipelines.brokers.java import find_java
from pipelines.brokers.listeners import HOST, Door, Listener, properties
from pipelines.brokers.node import Jvm, Node
from pipelines.brokers.ports import free_ports, is_free
from pipelines.brokers.ready import is_ready

logger = logging.getLogger(__name__)

READY_TIMEOUT_S = 60.0
_GRACE_S = 15.0
_POLL_S = 0.1


class KafkaCluster:
    """Starts, harms and stops the nodes of one Kafka; a context manager.

    Args:
        nodes: 1, or 3 (then every topic has three replicas, of which two must have a record before it counts).
        port: port of the first node, the others follow; free ports if None.
        directory: where configuration, logs and data are kept for another run; a temporary one if None.
        heap_mb: largest Java heap of a node in MiB.
        properties: broker settings on top of the usual ones.
        listeners: doors of every node beside the plain one, by name.
        scram: users of SCRAM-SHA-512 and their passwords.
    """

    def __init__(
        self,
        nodes: int = 1,
        *,
        port: int | None = None,
        directory: Path | None = None,
        heap_mb: int = 512,
        properties: Mapping[str, object] | None = None,
        listeners: Mapping[str, Listener] | None = None,
        scram: Mapping[str, str] | None = None,
    ) -> None:
        if nodes not in (1, 3):
            raise ConfigError(f"A cluster of {nodes} nodes is not offered: ask for 1 or 3.")
        self._jvm = Jvm(find_java(), kafka_jars(), heap_mb)
        ports = _ports(nodes, port)
        self._kept = directory is not None
        self.directory = directory or Path(tempfile.mkdtemp(prefix="reconwatch-kafka-"))
        self.nodes = [Node(i + 1, ports[i], self.directory / f"node-{i + 1}") for i in range(nodes)]
        others = listeners or {}
        free = iter(free_ports(nodes * (1 + len(others))))
        self._doors = {
            node.node_id: {
                "CLIENT": Door(Listener(), node.port),
                "CONTROLLER": Door(Listener(), next(free)),
                **{name: Door(listener, next(free)) for name, listener in others.items()},
            }
            for node in self.nodes
        }
        self._extra, self._scram = dict(properties or {}), dict(scram or {})

    @property
    def bootstrap(self) -> str:
        """The addresses of all nodes, as clients take them: ``host:port,host:port``."""
        return ",".join(node.address for node in self.nodes)

    def port(self, listener: str, node_id: int = 1) -> int:
        """Returns the port of one of the further listeners."""
        return self._doors[node_id][listener].port

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Starts every node and waits until all of them serve.

        Raises:
            ConfigError: the directory holds another number of nodes, or Kafka refuses the settings.
            SourceLost: a node died or did not get ready.
        """
        before = len(list(self.directory.glob("node-*")))
        if before not in (0, len(self.nodes)):
            raise ConfigError(f"{self.directory} holds a cluster of {before} nodes: ask for as many, or another one.")
        try:
            cluster_id = _new_cluster_id()
            users = [f"SCRAM-SHA-512=[name={name},password={secret}]" for name, secret in self._scram.items()]
            with ThreadPoolExecutor(len(self.nodes)) as pool:
                list(pool.map(lambda n: n.prepare(self._jvm, cluster_id, self._properties(n), users), self.nodes))
            for node in self.nodes:  # from this thread: a node dies with the thread that started it
                node.start(self._jvm)
            self.wait_ready()
        except BaseException:
            self.stop()
            raise

    def wait_ready(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Waits until every running node serves clients.

        Raises:
            SourceLost: no node runs, one died meanwhile, or the time is over.
        """
        deadline = time.monotonic() + timeout_s
        waiting = [node for node in self.nodes if node.running] or self.nodes
        while waiting := [node for node in waiting if not is_ready(node)]:
            self.check(waiting)
            if time.monotonic() > deadline:
                node = waiting[0]
                raise SourceLost(f"Kafka node {node.node_id} was not ready in {timeout_s:g} s: {node.last_words()}")
            time.sleep(_POLL_S)

    def check(self, nodes: Sequence[Node] | None = None) -> None:
        """Makes sure that nodes (all of them by default) still run.

        Raises:
            SourceLost: one has ended.
        """
        for node in self.nodes if nodes is None else nodes:
            if not node.running:
                raise SourceLost(f"Kafka node {node.node_id} ended: {node.last_words()}")

    def stop(self) -> None:
        """Ends every node; gently if the data is kept, else at once, and removes the data."""
        running = [node for node in self.nodes if node.running]
        for node in running:
            node.signal(signal.SIGCONT)
            node.signal(signal.SIGTERM if self._kept else signal.SIGKILL)
        deadline = time.monotonic() + _GRACE_S
        for node in running:
            if not node.wait(max(0.0, deadline - time.monotonic())):
                node.signal(signal.SIGKILL)
                node.wait(_GRACE_S)
        if not self._kept:
            shutil.rmtree(self.directory, ignore_errors=True)

    def kill(self, node_id: int) -> None:
        """Ends a node with SIGKILL, as a power cut would."""
        node = self.nodes[node_id - 1]
        node.signal(signal.SIGKILL)
        node.wait(_GRACE_S)

    def restart(self, node_id: int, *, wait: bool = True) -> None:
        """Starts a node that was killed (or kills it first) on its old port and data."""
        node = self.nodes[node_id - 1]
        if node.running:
            self.kill(node_id)
        node.start(self._jvm)
        if wait:
            self.wait_ready()

    def freeze(self, node_id: int) -> None:
        """Stops a node in its tracks: its connections stay open and it answers nothing."""
        self.nodes[node_id - 1].signal(signal.SIGSTOP)

    def thaw(self, node_id: int) -> None:
        """Lets a frozen node go on."""
        self.nodes[node_id - 1].signal(signal.SIGCONT)

    def _properties(self, node: Node) -> dict[str, object]:
        copies, needed = (3, 2) if len(self.nodes) == 3 else (1, 1)
        controllers = [(number, doors["CONTROLLER"].port) for number, doors in self._doors.items()]
        internal = {
            f"{topic}.{key}": value
            for topic in ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic")
            for key, value in (("replication.factor", copies), ("num.partitions", 3))
        }
        return {
            "process.roles": "broker,controller",
            "node.id": node.node_id,
            "controller.quorum.voters": ",".join(f"{i}@{HOST}:{port}" for i, port in controllers),
            **properties(self._doors[node.node_id]),
            "inter.broker.listener.name": "CLIENT",
            "controller.listener.names": "CONTROLLER",
            **internal,
            "transaction.state.log.min.isr": needed,
            "share.coordinator.state.topic.min.isr": needed,
            "default.replication.factor": copies,
            "min.insync.replicas": needed,
            "auto.create.topics.enable": "false",
            "group.initial.rebalance.delay.ms": 0,
            **self._extra,
        }


def _ports(nodes: int, first: int | None) -> list[int]:
    if first is None:
        return free_ports(nodes)
    ports = [first + i for i in range(nodes)]
    for port in ports:
        if not is_free(port):
            raise ConfigError(f"Port {port} of {HOST} is in use: choose another with --port.")
    return ports


def _new_cluster_id() -> str:
    # Kafka's tools take an id that begins with a dash for an option.
    return base64.urlsafe_b64encode(uuid.uuid4().bytes)[:22].decode().replace("-", "a")
