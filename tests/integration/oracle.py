"""Tells whether a daemon beside Kafka gave every result exactly once: the same log is scored again, without Kafka."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import yaml
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord
from kafka.errors import KafkaError

from detector.bundle import load
from pipelines.clock import SystemClock
from pipelines.io.base import RawBatch
from pipelines.io.sinks.memory import MemorySink
from pipelines.io.sources.memory import MemorySource
from pipelines.settings import Settings
from pipelines.stream.health import Health
from pipelines.telemetry import Telemetry
from pipelines.wiring import assembled

COMMAND = [sys.executable, "-c", "from pipelines.cli.main import main; main()", "run", "-c"]


class Record(NamedTuple):
    partition: int
    key: str
    value: bytes


class Row(NamedTuple):
    series: str
    time_ns: int
    score: float | None
    warming: bool


class Results(NamedTuple):
    """By partition: scores in order, alerts as (id, state) in order, offsets of dead letters in order."""

    scores: dict[int, list[Row]]
    alerts: dict[int, list[tuple[str, str]]]
    dead_letters: dict[int, list[int]]


class Stopped(MemorySource):
    """Ends without the results that only an end of the input gives: a topic has none."""

    def __init__(self, records: Sequence[ConsumerRecord]) -> None:
        super().__init__([r.value for r in records], [r.key.decode() for r in records])
        self.stop = threading.Event()

    def poll(self, timeout_s: float) -> RawBatch | None:
        batch = super().poll(timeout_s)
        if batch is None or batch.offset[-1] + 1 == len(self._log):
            self.stop.set()
        return batch


class Bench:
    """Topics of one test, the daemons that serve them, and the oracle."""

    def __init__(self, kafka: str, bundle: Path, folder: Path, partitions: int = 2, replicas: int = 1) -> None:
        self.kafka, self.folder, self.partitions = kafka, folder, partitions
        self.name = uuid.uuid4().hex[:8]
        self._bundle = load(bundle)
        self.daemons: list[subprocess.Popen[bytes]] = []
        topics = {"num_partitions": partitions, "replication_factor": replicas}
        compacted = {"configs": {"cleanup.policy": "compact"}}
        admin = KafkaAdminClient(bootstrap_servers=kafka.split(","))
        names = ("readings", "scores", "alerts", "dead", "state")
        admin.create_topics({self.topic(name): topics | (compacted if name == "state" else {}) for name in names})
        admin.close()
        self.tree: dict[str, Any] = {
            "detector": {"bundle": str(bundle), "name": "plant"},
            "source": {
                "kind": "kafka",
                "connection": {"bootstrap_servers": kafka.split(",")},
                "topics": [self.topic("readings")],
                "group": self.name,
                "state_topic": self.topic("state"),
                "session_timeout_s": 6,
                "max_poll_records": 100,
            },
            "scoring": {"delay": 4},
            "sinks": [
                {"kind": "kafka", "topic": self.topic("scores"), "content": "scores"},
                {"kind": "kafka", "topic": self.topic("alerts"), "content": "alerts"},
                {"kind": "kafka", "topic": self.topic("dead"), "content": "dead_letters"},
            ],
            "server": {"port": 0},
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        for daemon in self.daemons:
            daemon.send_signal(signal.SIGCONT)
            daemon.kill()
            daemon.wait()

    def topic(self, name: str) -> str:
        return f"{self.name}-{name}"

    def produce(self, records: Sequence[Record]) -> None:
        producer = KafkaProducer(
            bootstrap_servers=self.kafka.split(","), enable_idempotence=True, linger_ms=5, delivery_timeout_ms=120_000
        )
        for record in records:
            producer.send(self.topic("readings"), record.value, record.key.encode(), partition=record.partition)
        producer.flush(120)
        producer.close()

    def start(self, instance: str | None = None) -> subprocess.Popen[bytes]:
        tree = json.loads(json.dumps(self.tree))
        tree["source"]["instance"] = instance
        path = self.folder / f"daemon-{len(self.daemons)}.yaml"
        path.write_text(yaml.safe_dump(tree))
        with path.with_suffix(".log").open("wb") as told:
            environment = {**os.environ, "OMP_NUM_THREADS": "1"}
            daemon = subprocess.Popen([*COMMAND, str(path)], stdout=told, stderr=told, env=environment)
        self.daemons.append(daemon)
        return daemon

    def expected(self) -> Results:
        results = Results({}, {}, {})
        for partition in range(self.partitions):
            records = self._read("readings", partition)
            if not records:
                results.scores[partition], results.alerts[partition], results.dead_letters[partition] = [], [], []
                continue
            source, sink = Stopped(records), MemorySink()
            telemetry, clock = Telemetry("memory", "plant", "1"), SystemClock()
            settings = Settings.model_validate(self.tree)
            assembled(settings, self._bundle, source, [sink], telemetry, Health(clock), clock).run(source.stop)
            results.scores[partition] = [
                Row(key, time_ns, None if score != score else score, warming)
                for output in sink.outputs
                for key, time_ns, score, warming in zip(
                    output.keys,
                    output.decisions.time_ns.tolist(),
                    output.decisions.anomaly_score.tolist(),
                    output.decisions.warming.tolist(),
                    strict=True,
                )
            ]
            results.alerts[partition] = [(alert.id, alert.state) for alert in sink.alerts]
            results.dead_letters[partition] = [x.offset for output in sink.outputs for x in output.dead_letters]
        return results

    def found(self) -> Results:
        results = Results({}, {}, {})
        for partition in range(self.partitions):
            alerts = [json.loads(record.value) for record in self._read("alerts", partition)]
            results.alerts[partition] = [(alert["id"], alert["state"]) for alert in alerts]
            results.dead_letters[partition] = [
                json.loads(record.value)["offset"] for record in self._read("dead", partition)
            ]
            batches = [json.loads(record.value) for record in self._read("scores", partition)]
            results.scores[partition] = [
                Row(batch["keys"][series], *rest)
                for batch in batches
                for series, *rest in zip(
                    batch["series"], batch["time_ns"], batch["anomaly_score"], batch["warming"], strict=True
                )
            ]
        return results

    def verify(self, patience_s: float = 240.0) -> None:
        """Waits until as many scores as expected are visible and compares everything."""
        expected, deadline_s = self.expected(), time.monotonic() + patience_s
        wanted = sum(map(len, expected.scores.values()))
        while sum(map(len, (found := self.found()).scores.values())) < wanted and time.monotonic() < deadline_s:
            self.alive()
            time.sleep(0.5)
        time.sleep(0.5)  # a double would come behind
        found = self.found()
        for kind in Results._fields:
            for partition in range(self.partitions):
                ours, theirs = getattr(found, kind)[partition], getattr(expected, kind)[partition]
                assert ours == theirs, f"{kind} of partition {partition}: {_difference(ours, theirs)}\n{self.told()}"

    def wait_for_progress(self, patience_s: float = 240.0) -> None:
        """Waits until more results are written than at the call, committed or not."""
        partitions = [TopicPartition(self.topic("scores"), p) for p in range(self.partitions)]
        consumer = KafkaConsumer(bootstrap_servers=self.kafka.split(","), enable_auto_commit=False)
        before, deadline_s = sum(consumer.end_offsets(partitions).values()), time.monotonic() + patience_s
        while sum(consumer.end_offsets(partitions).values()) == before:
            assert time.monotonic() < deadline_s, f"no progress\n{self.told()}"
            self.alive()
            time.sleep(0.05)
        consumer.close()

    def wait_for_commit(self, patience_s: float = 120.0) -> None:
        """Waits until more input is committed than at the call."""
        partitions = [TopicPartition(self.topic("readings"), p) for p in range(self.partitions)]
        reader = KafkaConsumer(bootstrap_servers=self.kafka.split(","), group_id=self.name, enable_auto_commit=False)

        def committed() -> int:
            while True:
                try:
                    return sum(reader.committed(at, timeout_ms=10_000) or 0 for at in partitions)
                except KafkaError:  # a broker is dying, which is what is being tested
                    assert time.monotonic() < deadline_s, f"no answer\n{self.told()}"
                    time.sleep(0.2)

        deadline_s = time.monotonic() + patience_s
        before = committed()
        while committed() == before:
            assert time.monotonic() < deadline_s, f"no commit\n{self.told()}"
            self.alive()
            time.sleep(0.2)
        reader.close()

    def alive(self) -> None:
        assert any(daemon.poll() is None for daemon in self.daemons), f"no daemon lives\n{self.told()}"

    def told(self) -> str:
        logs = sorted(self.folder.glob("daemon-*.log"), key=lambda path: int(path.stem.split("-")[1]))
        return "\n".join(f"--- {path.name}\n{path.read_text()[-3000:]}" for path in logs[-4:])

    def _read(self, name: str, partition: int) -> list[ConsumerRecord]:
        at = TopicPartition(self.topic(name), partition)
        consumer = KafkaConsumer(
            bootstrap_servers=self.kafka.split(","),
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )
        consumer.assign([at])
        end = consumer.end_offsets([at])[at]
        records: list[ConsumerRecord] = []
        while consumer.position(at) < end:
            records += consumer.poll(500).get(at, [])
        consumer.close()
        return records


def _difference(ours: list[Any], theirs: list[Any]) -> str:
    missing, extra = set(theirs) - set(ours), set(ours) - set(theirs)
    doubled = len(ours) - len(set(ours))
    return (
        f"{len(ours)} instead of {len(theirs)}: {len(missing)} missing {sorted(map(str, missing))[:3]}, {len(extra)} "
        f"unexpected {sorted(map(str, extra))[:3]}, {doubled} twice"
    )
