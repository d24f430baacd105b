"""The daemon on a real Kafka against a bare poll loop of the same client on the same topic, in turns.

python -m benchmarks.daemon [--quick]

`reconwatch run` reads, decodes, keeps windows, scores with the conv1d autoencoder of the preset ``fast`` at every 8th
row, writes all scores and alerts and commits, in transactions. Its pace is read off the timestamps of the scores that
it wrote, once it is done, so nothing is added to it. The bare loop polls and counts, nothing else.
"""

import argparse
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from statistics import median

import numpy as np
from kafka import KafkaConsumer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.beside_kafka import BINARY, COLUMNS, SERIES, SINGLE, Daemons, Place
from benchmarks.scoring import CHANNELS, trained
from detector.members.presets import fast
from pipelines.brokers.cluster import KafkaCluster
from pipelines.io.kafka.config import KafkaConfig

SKIPPED, JOINED = 0.2, 0.5
"""Share of the records at the beginning that is not timed: compiled code is loaded, windows fill; of several daemons
all have joined the group, and partitions have moved, only in the second half."""
POLL = KafkaConfig(topics=("any",)).max_poll_records


def pace(daemons: Daemons, rows: int, skipped: float = SKIPPED) -> float:
    """Waits until all is read and returns how many rows were scored a second, by the timestamps of their records."""
    daemons.finish()
    found = [(seen.written_ms, sum(seen.content["rows"])) for seen in daemons.scores(rows)]
    times_ms, sizes = np.array(sorted(found)).T
    done = np.cumsum(sizes)
    first = int(np.searchsorted(done, skipped * rows))
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
        metrics_enabled=False,
    )
    seen, began_s, skipped = 0, 0.0, 0
    while seen < count:
        for records in consumer.poll(500).values():
            seen += len(records)
        if not began_s and seen >= SKIPPED * count:
            began_s, skipped = time.monotonic(), seen
    found = (seen - skipped) / (time.monotonic() - began_s)
    consumer.close()
    return found


def apart(place: Place, count: int) -> float:
    """Runs the bare loop in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.daemon", "--bare", place.kafka, place.topic, str(count)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="1 turn instead of 5")
    parser.add_argument("--bare", nargs=3, metavar=("KAFKA", "TOPIC", "COUNT"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.bare:
        print(bare(given.bare[0], given.bare[1], int(given.bare[2])))
        return
    turns = 1 if given.quick else 5
    table = Table("one daemon, one partition", "bare, records/s", "daemon, records/s", "ratio", "daemon, samples/s")
    scaled = Table("four partitions", "1 daemon, records/s", "2 daemons, records/s", "ratio")
    with tempfile.TemporaryDirectory() as name, KafkaCluster() as cluster:
        folder, kafka = Path(name), cluster.bootstrap
        bundle = folder / "pumps.bundle"
        trained(fast()).save(bundle)
        for layout, count in ((SINGLE, 300_000), (BINARY, 120_000), (COLUMNS, 80_000)):
            place = Place(kafka, bundle, folder, layout.decoder)
            place.fill(layout.records(count))
            found = []
            for _ in track(range(turns), layout.name, transient=True, disable=not sys.stdout.isatty()):
                alone = apart(place, count)
                with place.daemons() as daemons:
                    found.append((alone, pace(daemons, count * layout.samples) / layout.samples))
            bare_rate, rate = (median(one) for one in zip(*found, strict=True))
            ratio = median(ours / theirs for theirs, ours in found)
            samples = f"{rate * layout.samples:,.0f}"
            table.add_row(layout.name, f"{bare_rate:,.0f}", f"{rate:,.0f}", f"{100 * ratio:.0f}%", samples)
        for layout, count in ((SINGLE, 1_000_000), (BINARY, 200_000)):
            place = Place(kafka, bundle, folder, layout.decoder, partitions=4)
            place.fill(layout.records(count))
            rates: dict[int, list[float]] = {1: [], 2: []}
            for _ in track(
                range(turns), f"{layout.name}, four partitions", transient=True, disable=not sys.stdout.isatty()
            ):
                for number, ones in rates.items():
                    with place.daemons(number) as daemons:
                        ones.append(pace(daemons, count * layout.samples, JOINED) / layout.samples)
            one, two = median(rates[1]), median(rates[2])
            scaled.add_row(layout.name, f"{one:,.0f}", f"{two:,.0f}", f"{two / one:.2f}x")
    console = Console()
    console.print(f"{SERIES:,} series, {CHANNELS} channels, the broker on the same machine")
    console.print(table)
    console.print(scaled)


if __name__ == "__main__":
    main()
