"""The daemon on a real Kafka against a bare poll loop of the same client on the same topic, in turns.

python -m benchmarks.daemon [--quick]

`reconwatch run` reads, decodes, keeps windows, scores with one conv1d autoencoder at every 8th row, writes all scores
and alerts and commits, in transactions. Its pace is read off the timestamps of the scores that it wrote, so nothing is
added to it. The bare loop polls and counts, nothing else.
"""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson
import yaml
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from rich.console import Console
from rich.table import Table

from benchmarks.scoring import CHANNELS, CONV1D, HISTORY, plant, trained
from detector.windows.schema import NS
from pipelines.brokers.cluster import KafkaCluster
from pipelines.io.decoders.binary_format import encode

SERIES = 1_000
NAMES = [f"c{i}" for i in range(CHANNELS)]
SAMPLES = 64
POLL = 2_000
SKIPPED = 0.2
"""Share of the records at the beginning that is not timed: compiled code is loaded, windows fill."""


class Layout(NamedTuple):
    """A way to put samples into records.

    Attributes:
        name: for people.
        decoder: section of the configuration.
        samples: in one record.
        records: gives keys and values.
    """

    name: str
    decoder: dict[str, Any]
    samples: int
    records: Callable[[int], Iterator[tuple[str, bytes]]]


def singles(count: int) -> Iterator[tuple[str, bytes]]:
    """Gives JSON records of one sample, the series in turns."""
    values = plant().round(4)
    for step, series in (divmod(i, SERIES) for i in range(count)):
        row = values[(7 * series + step) % HISTORY]
        fields = {"timestamp": step, **dict(zip(NAMES, row.tolist(), strict=True))}
        yield f"pump-{series}", orjson.dumps(fields)


def envelopes(count: int) -> Iterator[tuple[str, bytes]]:
    """Gives binary records of many samples, the series in turns."""
    values = plant()
    for turn, series in (divmod(i, SERIES) for i in range(count)):
        first = turn * SAMPLES
        rows = values[(7 * series + first + np.arange(SAMPLES)) % HISTORY]
        yield f"pump-{series}", encode(f"pump-{series}", NAMES, rows, start_ns=first * NS, step_ns=NS)


def columns(count: int) -> Iterator[tuple[str, bytes]]:
    """Gives JSON records of many samples, the series in turns."""
    values = plant().round(4)
    for turn, series in (divmod(i, SERIES) for i in range(count)):
        first = turn * SAMPLES
        rows = values[(7 * series + first + np.arange(SAMPLES)) % HISTORY].T
        arrays = dict(zip(NAMES, rows.tolist(), strict=True))
        yield f"pump-{series}", orjson.dumps({"timestamp": first, "interval_s": 1, "values": arrays})


SINGLE = Layout("JSON, 1 sample", {"kind": "wide"}, 1, singles)
BINARY = Layout(f"binary, {SAMPLES} samples", {"kind": "binary"}, SAMPLES, envelopes)
COLUMNS = Layout(f"JSON, {SAMPLES} samples", {"kind": "envelope"}, SAMPLES, columns)


class Place:
    """A Kafka with a topic of readings, and what reads it."""

    def __init__(self, kafka: str, bundle: Path, folder: Path, layout: Layout, count: int, partitions: int = 1) -> None:
        self._kafka, self._bundle, self._folder, self._layout = kafka, bundle, folder, layout
        self._count, self._partitions = count, partitions
        self._topic = f"readings-{uuid.uuid4().hex[:6]}"
        self.create(self._topic)
        producer = KafkaProducer(bootstrap_servers=kafka, linger_ms=50, compression_type="lz4", batch_size=1 << 18)
        for key, value in layout.records(count):
            producer.send(self._topic, value, key.encode())
        producer.flush()
        producer.close()

    def create(self, *names: str) -> None:
        """Creates topics."""
        admin = KafkaAdminClient(bootstrap_servers=self._kafka)
        admin.create_topics({name: {"num_partitions": self._partitions, "replication_factor": 1} for name in names})
        admin.close()

    def bare(self) -> float:
        """Records a second of a bare poll loop, in a process of its own."""
        command = [sys.executable, "-m", "benchmarks.daemon", "--bare", self._kafka, self._topic, str(self._count)]
        return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    def daemon(self, daemons: int = 1) -> float:
        """Records a second of the daemon."""
        run = uuid.uuid4().hex[:6]
        scores, alerts, state = f"scores-{run}", f"alerts-{run}", f"state-{run}"
        self.create(scores, alerts, state)
        tree = {
            "detector": {"bundle": str(self._bundle), "name": "pumps"},
            "source": {
                "kind": "kafka",
                "connection": {"bootstrap_servers": [self._kafka]},
                "topics": [self._topic],
                "group": run,
                "state_topic": state,
                "max_poll_records": POLL,
            },
            "decoder": self._layout.decoder,
            "scoring": {"delay": 0},
            "sinks": [
                {"kind": "kafka", "topic": scores, "content": "scores"},
                {"kind": "kafka", "topic": alerts, "content": "alerts"},
            ],
            "server": {"port": 0},
        }
        config = self._folder / f"{run}.yaml"
        config.write_text(yaml.safe_dump(tree))
        command = [sys.executable, "-c", "from pipelines.cli.main import main; main()", "run", "-c", str(config)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        log = self._folder / f"{run}.log"
        with log.open("wb") as told:
            running = [subprocess.Popen(command, stdout=told, stderr=told, env=environment) for _ in range(daemons)]
        try:
            return self._pace(scores, running, log)
        finally:
            for one in running:
                one.send_signal(signal.SIGTERM)
            for one in running:
                one.wait(30)

    def _pace(self, topic: str, running: list[subprocess.Popen[bytes]], log: Path) -> float:
        """Waits until all is scored and reads the pace off the timestamps of the scores."""
        consumer = KafkaConsumer(
            bootstrap_servers=self._kafka, isolation_level="read_committed", enable_auto_commit=False
        )
        partitions = [TopicPartition(topic, p) for p in range(self._partitions)]
        consumer.assign(partitions)
        consumer.seek_to_beginning()
        seen: list[tuple[int, int]] = []
        rows, deadline_s = 0, time.monotonic() + 240
        while rows < self._count * self._layout.samples:
            if time.monotonic() > deadline_s or any(one.poll() is not None for one in running):
                raise SystemExit(f"{rows} rows scored, then nothing more:\n{log.read_text()[-3000:]}")
            time.sleep(0.5)  # seldom, so that reading costs the daemon nothing
            for records in consumer.poll(0).values():
                for record in records:
                    size = len(orjson.loads(record.value)["time_ns"])
                    rows += size
                    seen.append((record.timestamp, size))
        consumer.close()
        times_ms, sizes = np.array(sorted(seen)).T
        done = np.cumsum(sizes) / self._layout.samples
        first = int(np.searchsorted(done, SKIPPED * self._count))
        return float((done[-1] - done[first]) / ((times_ms[-1] - times_ms[first]) / 1000))


def bare(kafka: str, topic: str, count: int) -> float:
    """Polls so many records and returns how many a second."""
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=kafka,
        group_id=uuid.uuid4().hex,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        isolation_level="read_committed",
        max_poll_records=POLL,
    )
    seen, began_s, skipped = 0, 0.0, 0
    while seen < count:
        for records in consumer.poll(500).values():
            seen += len(records)
        if not began_s and seen >= SKIPPED * count:
            began_s, skipped = time.monotonic(), seen
    pace = (seen - skipped) / (time.monotonic() - began_s)
    consumer.close()
    return pace


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="1 turn instead of 5")
    parser.add_argument("--bare", nargs=3, metavar=("KAFKA", "TOPIC", "COUNT"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.bare:
        print(bare(given.bare[0], given.bare[1], int(given.bare[2])))
        return
    turns = 1 if given.quick else 5
    table = Table("layout", "bare, records/s", "daemon, records/s", "ratio", "daemon, samples/s")
    with tempfile.TemporaryDirectory() as name, KafkaCluster() as cluster:
        folder = Path(name)
        trained(CONV1D).save(folder / "pumps.bundle")
        for layout, count in ((SINGLE, 300_000), (BINARY, 20_000), (COLUMNS, 10_000)):
            place = Place(cluster.bootstrap, folder / "pumps.bundle", folder, layout, count)
            found = [(place.bare(), place.daemon()) for _ in range(turns)]
            bare_rate, rate = (statistics.median(one) for one in zip(*found, strict=True))
            ratio = statistics.median(ours / theirs for theirs, ours in found)
            table.add_row(
                layout.name, f"{bare_rate:,.0f}", f"{rate:,.0f}", f"{100 * ratio:.0f}%", f"{rate * layout.samples:,.0f}"
            )
    console = Console()
    console.print(f"{SERIES:,} series, {CHANNELS} channels, one partition, one daemon, the broker on the same machine")
    console.print(table)


if __name__ == "__main__":
    main()
