"""Topics of one test on a real Kafka, the daemons that serve them, and what became of the records."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

import httpx
import yaml
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource
from kafka.consumer.fetcher import ConsumerRecord
from kafka.errors import KafkaError
from oracle import Logs, Results, Verdict, expected, found, judged

from detector.bundle import load
from pipelines.io.kafka.topics import STAMPED
from pipelines.settings import Settings

Answer = TypeVar("Answer")

COMMAND = [sys.executable, "-c", "from pipelines.cli.main import main; main()"]
NAMES = ("readings", "scores", "alerts", "dead", "state")


SCALE = int(os.environ.get("RECONWATCH_CHAOS_RECORDS", "0"))
"""Records of all tests together, where there are to be more than a test needs."""
FAULTS = 20
"""Among so many tests they are divided."""


class Record(NamedTuple):
    partition: int
    key: str
    value: bytes


def share(rows: int, series: int = 6) -> int:
    """Returns how many rows each of so many series gets in a test that can be as large as one likes."""
    return max(rows, SCALE // FAULTS // series)


class Bench:
    """Topics of one test, the daemons that serve them, and the oracle.

    Args:
        kafka: bootstrap servers.
        bundle: folder of the detector.
        folder: where configurations and logs go.
        partitions: of every topic.
        replicas: of every partition.
        report: told the verdict under the name "verdict", as ``record_property`` takes it.
        settings: of the topics, by Kafka's names.
    """

    def __init__(
        self,
        kafka: str,
        bundle: Path,
        folder: Path,
        partitions: int = 2,
        replicas: int = 1,
        report: Callable[[str, object], None] = lambda name, value: None,
        **settings: object,
    ) -> None:
        self.kafka, self.folder, self.partitions = kafka, folder, partitions
        self.name = uuid.uuid4().hex[:8]
        self.daemons: list[subprocess.Popen[bytes]] = []
        self._bundle, self._report = load(bundle), report
        self._fault, self._struck_s = "", 0.0
        self._commit_s: float | None = None
        self._replicas = replicas
        self.create(*NAMES, **settings)
        self._auditor = KafkaConsumer(
            bootstrap_servers=kafka.split(","), group_id=self.name, enable_auto_commit=False
        )  # never polls, so never joins
        self.tree: dict[str, Any] = {
            "detector": {"bundle": str(bundle), "name": "plant"},
            "source": {
                "kind": "kafka",
                "connection": {"bootstrap_servers": kafka.split(",")},
                "topics": [self.topic("readings")],
                "group": self.name,
                "state_topic": self.topic("state"),
                "session_timeout_s": 6,
                "max_poll_records": 500 if SCALE else 100,
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
            with suppress(ProcessLookupError):
                os.killpg(daemon.pid, signal.SIGKILL)
            daemon.wait()
        self._auditor.close()

    def topic(self, name: str) -> str:
        return f"{self.name}-{name}"

    def create(self, *names: str, **settings: object) -> None:
        """Creates topics as wide as the bench, as ``reconwatch topics create`` does."""
        wide = {"num_partitions": self.partitions, "replication_factor": self._replicas}
        own = {"readings": settings, "state": {"cleanup.policy": "compact"} | STAMPED}
        admin = KafkaAdminClient(bootstrap_servers=self.kafka.split(","))
        admin.create_topics({self.topic(name): wide | {"configs": own.get(name, settings | STAMPED)} for name in names})
        admin.close()

    def limit(self, name: str, most_bytes: int) -> None:
        """Sets how large a batch of records a topic takes."""
        admin = KafkaAdminClient(bootstrap_servers=self.kafka.split(","))
        admin.alter_configs([ConfigResource("topic", self.topic(name), {"max.message.bytes": most_bytes})])
        admin.close()

    def produce(self, records: Sequence[Record]) -> None:
        producer = KafkaProducer(
            bootstrap_servers=self.kafka.split(","), enable_idempotence=True, linger_ms=5, delivery_timeout_ms=120_000,
            max_request_size=16_000_000,
        )  # fmt: skip
        for record in records:
            producer.send(self.topic("readings"), record.value, record.key.encode(), partition=record.partition)
        producer.flush(120)
        producer.close()

    @contextmanager
    def feeding(self, records: Sequence[Record]) -> Iterator[None]:
        """Produces while other things happen; at the end everything has been produced."""
        with ThreadPoolExecutor(1) as feeder:
            done = feeder.submit(self.produce, records)
            yield
            done.result(180)

    def start(
        self, instance: str | None = None, under: Sequence[str] = (), **environment: str
    ) -> subprocess.Popen[bytes]:
        """Starts a daemon, ``under`` another program if wanted."""
        path = self.configuration(f"daemon-{len(self.daemons)}", instance)
        with path.with_suffix(".log").open("wb") as told:
            around = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
            # A session of its own: a program that it runs under may have it as a child.
            daemon = subprocess.Popen(
                [*under, *COMMAND, "run", "-c", str(path)], stdout=told, stderr=told, env=around, start_new_session=True
            )
        self.daemons.append(daemon)
        return daemon

    def configuration(self, name: str, instance: str | None = None) -> Path:
        tree = json.loads(json.dumps(self.tree))
        tree["source"]["instance"] = instance
        path = self.folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump(tree))
        return path

    def strikes(self, fault: str) -> None:
        """The fault that the test is about happens now."""
        self._fault, self._struck_s, self._commit_s = fault, time.monotonic(), None

    def since_strike(self) -> float:
        """Returns the seconds since the fault."""
        return time.monotonic() - self._struck_s

    def verify(self, patience_s: float = 600.0) -> Verdict:
        """Waits until all input is committed, compares everything with the oracle and reports the verdict."""
        self.wait_until_done(patience_s)
        readings = self.logs("readings")
        theirs = expected(readings, Settings.model_validate(self.tree), self._bundle)
        wanted, deadline_s = sum(map(len, theirs.scores.values())), time.monotonic() + 30
        time.sleep(0.5)  # a double would come behind
        while sum(map(len, (ours := self.found()).scores.values())) < wanted and time.monotonic() < deadline_s:
            time.sleep(0.5)  # committed, and not yet visible in every partition
        verdict = judged(ours, theirs)
        records = sum(map(len, readings.values()))
        facts = {"fault": self._fault, "records": records, **verdict._asdict(), "next_commit_s": self._commit_s}
        self._report("verdict", facts)
        assert not any(verdict[:3]), f"{verdict.detail}\n{self.told()}"
        return verdict

    def found(self) -> Results:
        return found(self.logs("scores"), self.logs("alerts"), self.logs("dead"))

    def logs(self, name: str) -> Logs:
        """Returns what a read_committed reader sees in a topic."""
        return {partition: self._read(name, partition) for partition in range(self.partitions)}

    def wait_for_progress(self, patience_s: float = 240.0) -> None:
        """Waits until more results are written than at the call, committed or not."""
        before = self.written("scores")
        self._wait(lambda: self.written("scores") > before, "progress", patience_s, 0.05)

    def wait_for_commit(self, before: int | None = None, patience_s: float = 120.0) -> float:
        """Waits until more input is committed than before, or than at the call; returns the seconds since the fault."""
        before = self._persistently(self.committed, patience_s) if before is None else before
        self._wait(lambda: self.committed() > before, "commit", patience_s)
        self._commit_s = self.since_strike()
        return self._commit_s

    def wait_until_done(self, patience_s: float = 240.0) -> None:
        """Waits until all input is committed."""
        self._wait(lambda: self.committed() == self.written("readings"), "commit of everything", patience_s)

    def committed(self) -> int:
        """Returns how many records of the input the group has committed."""
        return sum(self._auditor.committed(at, timeout_ms=10_000) or 0 for at in self._places("readings"))

    def written(self, name: str) -> int:
        """Returns how many records a topic holds, committed or not."""
        return sum(self._auditor.end_offsets(self._places(name), timeout_ms=10_000).values())

    def page(self, path: str) -> httpx.Response:
        """Asks the last daemon."""
        told = (self.folder / f"daemon-{len(self.daemons) - 1}.log").read_text()
        (address, *_) = re.findall(r"answering on (http://127\.0\.0\.1:\d+)", told)
        return httpx.get(address + path, timeout=10)

    def metric(self, name: str) -> float:
        """Returns the sum of a metric of the last daemon over its labels."""
        lines = self.page("/metrics").text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if re.match(rf"reconwatch_{name}[ {{]", line))

    def alive(self) -> None:
        assert any(daemon.poll() is None for daemon in self.daemons), f"no daemon lives\n{self.told()}"

    def told(self) -> str:
        logs = sorted(self.folder.glob("daemon-*.log"), key=lambda path: int(path.stem.split("-")[1]))
        return "\n".join(f"--- {path.name}\n{path.read_text()[-3000:]}" for path in logs[-4:])

    def _places(self, name: str) -> list[TopicPartition]:
        return [TopicPartition(self.topic(name), partition) for partition in range(self.partitions)]

    def _wait(self, happened: Callable[[], bool], what: str, patience_s: float, every_s: float = 0.2) -> None:
        deadline_s = time.monotonic() + patience_s
        while not self._persistently(happened, patience_s):
            assert time.monotonic() < deadline_s, f"no {what}\n{self.told()}"
            self.alive()
            time.sleep(every_s)

    def _persistently(self, ask: Callable[[], Answer], patience_s: float) -> Answer:
        """Asks until a broker answers: one may be dying, which is what is being tested."""
        deadline_s = time.monotonic() + patience_s
        while True:
            try:
                return ask()
            except KafkaError:
                assert time.monotonic() < deadline_s, f"no answer\n{self.told()}"
                time.sleep(0.2)

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
