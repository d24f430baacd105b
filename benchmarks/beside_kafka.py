"""A real Kafka with readings in a topic, and daemons that read it: what the benchmarks beside Kafka stand on."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson
import yaml
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from benchmarks.scoring import CHANNELS, HISTORY, plant
from detector.windows.schema import NS
from pipelines.brokers.ports import free_ports
from pipelines.clock import SystemClock
from pipelines.io.decoders.binary_format import encode

SERIES = 1_000
NAMES = [f"c{i}" for i in range(CHANNELS)]
SAMPLES = 64
PATIENCE_S = 300
LOOK_S = 0.5
COMMAND = [sys.executable, "-c", "from pipelines.cli.main import main; main()", "run", "-c"]


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


def singles(count: int, series: int = SERIES, first: int = 0) -> Iterator[tuple[str, bytes]]:
    """Gives JSON records of one sample, the series in turns, from a record on."""
    values = plant().round(4)
    for step, one in (divmod(i, series) for i in range(first, first + count)):
        row = values[(7 * one + step) % HISTORY]
        fields = {"timestamp": step, **dict(zip(NAMES, row.tolist(), strict=True))}
        yield f"pump-{one}", orjson.dumps(fields)


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


class Seen(NamedTuple):
    """A record of scores.

    Attributes:
        written_ms: when the daemon made it.
        seen_s: when it was visible, seconds since 1970.
        content: its columns.
    """

    written_ms: int
    seen_s: float
    content: dict[str, Any]


class Daemons:
    """Running daemons of one group.

    Args:
        kafka: where they read.
        group: theirs.
        topics: what they read, and where their scores go.
        partitions: of both topics.
        processes: the daemons.
        port: of the metrics of the first.
        log: what they say.
    """

    def __init__(
        self,
        kafka: str,
        group: str,
        topics: tuple[str, str],
        partitions: int,
        processes: list[subprocess.Popen[bytes]],
        port: int,
        log: Path,
    ) -> None:
        self.processes, self.port, self._log = processes, port, log
        source, topic = topics
        self._read = [TopicPartition(source, partition) for partition in range(partitions)]
        self._group = KafkaConsumer(
            bootstrap_servers=kafka, group_id=group, enable_auto_commit=False, metrics_enabled=False
        )
        self._reader = KafkaConsumer(
            bootstrap_servers=kafka, isolation_level="read_committed", enable_auto_commit=False, metrics_enabled=False
        )
        self._reader.assign([TopicPartition(topic, partition) for partition in range(partitions)])
        self._reader.seek_to_beginning()

    def finish(self) -> None:
        """Waits until everything is read and committed; looks at offsets alone, which costs the daemons nothing."""
        ends, deadline_s = self._group.end_offsets(self._read), time.monotonic() + PATIENCE_S
        while any((self._group.committed(at) or 0) < end for at, end in ends.items()):
            self._alive(deadline_s)
            time.sleep(LOOK_S)

    def scores(self, rows: int, pause_s: float = LOOK_S) -> Iterator[Seen]:
        """Gives records of scores until so many rows have come, as they come.

        Args:
            rows: to wait for.
            pause_s: between two looks.
        """
        deadline_s = time.monotonic() + PATIENCE_S
        while rows > 0:
            self._alive(deadline_s)
            time.sleep(pause_s)
            for records in self._reader.poll(50, max_records=100_000).values():
                now_s = SystemClock().now_s()
                for record in records:
                    content = orjson.loads(record.value)
                    rows -= sum(content["rows"])
                    yield Seen(record.timestamp, now_s, content)

    def rss_bytes(self) -> int:
        """Returns the resident memory of the first daemon."""
        pages = Path(f"/proc/{self.processes[0].pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def _alive(self, deadline_s: float) -> None:
        if time.monotonic() > deadline_s or any(one.poll() is not None for one in self.processes):
            raise SystemExit(f"not everything is scored:\n{self._log.read_text()[-3000:]}")

    def close(self) -> None:
        """Stops the daemons."""
        self._reader.close()
        self._group.close()
        for one in self.processes:
            one.send_signal(signal.SIGTERM)
        for one in self.processes:
            one.wait(60)


class Place:
    """A topic of readings and what serves it.

    Args:
        kafka: bootstrap servers.
        bundle: of the detector.
        folder: where configurations and logs go.
        decoder: section of the configuration.
        partitions: of every topic.
    """

    def __init__(self, kafka: str, bundle: Path, folder: Path, decoder: dict[str, Any], partitions: int = 1) -> None:
        self.kafka, self._bundle, self._folder = kafka, bundle, folder
        self._decoder, self._partitions = decoder, partitions
        self.topic = f"readings-{uuid.uuid4().hex[:6]}"
        self._create(self.topic)

    def fill(self, records: Iterator[tuple[str, bytes]]) -> None:
        """Writes records."""
        producer = KafkaProducer(
            bootstrap_servers=self.kafka,
            linger_ms=50,
            compression_type="lz4",
            batch_size=1 << 18,
            metrics_enabled=False,
        )
        for key, value in records:
            producer.send(self.topic, value, key.encode())
        producer.flush()
        producer.close()

    @contextmanager
    def daemons(self, count: int = 1, group: str | None = None, **sections: Any) -> Iterator[Daemons]:
        """Starts so many daemons of one group, a new one by default, with further sections of the configuration."""
        run = group or uuid.uuid4().hex[:6]
        scores, alerts, state = f"scores-{run}", f"alerts-{run}", f"state-{run}"
        self._create(scores, alerts, state)
        (port,) = free_ports(1)
        tree: dict[str, Any] = {
            "detector": {"bundle": str(self._bundle), "name": "pumps"},
            "source": {
                "kind": "kafka",
                "connection": {"bootstrap_servers": [self.kafka]},
                "topics": [self.topic],
                "group": run,
                "state_topic": state,
            },
            "decoder": self._decoder,
            "scoring": {"delay": 0},
            "sinks": [
                {"kind": "kafka", "topic": scores, "content": "scores"},
                {"kind": "kafka", "topic": alerts, "content": "alerts"},
            ],
            **sections,
        }
        log, processes = self._folder / f"{run}.log", []
        with log.open("ab") as told:
            for number in range(count):
                config = self._folder / f"{run}-{number}.yaml"
                config.write_text(yaml.safe_dump(tree | {"server": {"port": 0 if number else port}}))
                environment = {**os.environ, "OMP_NUM_THREADS": "1"}
                processes.append(subprocess.Popen([*COMMAND, str(config)], stdout=told, stderr=told, env=environment))
        running = Daemons(self.kafka, run, (self.topic, scores), self._partitions, processes, port, log)
        try:
            yield running
        finally:
            running.close()

    def _create(self, *names: str) -> None:
        admin = KafkaAdminClient(bootstrap_servers=self.kafka)
        known = admin.list_topics()
        kind = {"num_partitions": self._partitions, "replication_factor": 1}
        if wanted := {name: kind for name in names if name not in known}:
            admin.create_topics(wanted)
        admin.close()
