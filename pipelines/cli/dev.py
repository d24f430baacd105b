"""Verbs for developing with reconwatch: a Kafka of one's own."""

import contextlib
import signal
import time
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import click
import orjson

if TYPE_CHECKING:
    from pipelines.brokers.cluster import KafkaCluster

KAFKA_EXAMPLE = """\b
Example:
  reconwatch dev kafka
  reconwatch dev kafka --nodes 3 --port 9092 --keep kafka-data
"""
_WATCH_S = 0.5


@click.group(epilog=KAFKA_EXAMPLE)
def dev() -> None:
    """Tools for trying reconwatch out and for developing with it."""


@dev.command(epilog=KAFKA_EXAMPLE)
@click.option("--nodes", type=click.Choice([1, 3]), default=1, show_default=True, help="Size of the cluster.")
@click.option("--port", type=click.IntRange(1024, 65533), help="Port of the first node; free ports by default.")
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), help="Keep the data in this directory.")
@click.option("--heap-mb", type=click.IntRange(128), default=512, show_default=True, help="Java heap of a node.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object when the broker is ready.")
def kafka(nodes: int, port: int | None, keep: Path | None, heap_mb: int, as_json: bool) -> None:
    """Run a real Apache Kafka on this machine until Ctrl-C.

    It listens on the loopback interface only and asks for no password. The first run downloads 46 MB.
    """
    from pipelines.brokers.cluster import KafkaCluster

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    if not as_json:
        click.echo("Starting Apache Kafka ...", err=True)
    with (
        contextlib.suppress(KeyboardInterrupt),
        KafkaCluster(nodes, port=port, directory=keep and keep.resolve(), heap_mb=heap_mb) as cluster,
    ):
        click.echo(_facts(cluster) if as_json else _welcome(cluster, keep))
        while True:
            cluster.check()
            time.sleep(_WATCH_S)
    if not as_json:
        click.echo("Stopped.", err=True)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _facts(cluster: "KafkaCluster") -> str:
    nodes = [
        {"id": node.node_id, "address": node.address, "pid": node.pid, "log": str(node.log_path)}
        for node in cluster.nodes
    ]
    return orjson.dumps(
        {"bootstrap_servers": cluster.bootstrap, "directory": str(cluster.directory), "nodes": nodes}
    ).decode()


def _welcome(cluster: "KafkaCluster", keep: Path | None) -> str:
    from pipelines.brokers.jars import KAFKA_VERSION

    fate = "kept" if keep else "removed at the end, --keep DIR keeps it"
    return (
        f"Apache Kafka {KAFKA_VERSION} is ready; Ctrl-C stops it.\n\n"
        f"  bootstrap servers   {cluster.bootstrap}\n"
        f"  data and logs       {cluster.directory} ({fate})\n\n"
        "Try it, in another terminal:\n"
        f"  python -m kafka.admin -b {cluster.nodes[0].address} topics create -t readings --num-partitions 3\n"
        f"  python -m kafka.producer -b {cluster.nodes[0].address} -t readings\n"
        f"  python -m kafka.consumer -b {cluster.nodes[0].address} -t readings -g trial -C auto_offset_reset=earliest\n"
    )
