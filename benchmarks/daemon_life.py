"""The life of a daemon on a real Kafka: latency at a steady pace, a long backlog, a restart with large state.

python -m benchmarks.daemon_life [--quick] [--pace 10000]

One conv1d autoencoder looks at every 8th row, JSON records of one sample. Latency is from the timestamp that the
producer gave a record to the moment when a read_committed reader has its score.
"""

import argparse
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from rich.console import Console
from rich.table import Table

from benchmarks.beside_kafka import SERIES, SINGLE, Daemons, Place, singles
from benchmarks.scoring import CONV1D, trained
from pipelines.brokers.cluster import KafkaCluster

MANY_SERIES, WINDOW = 10_000, 64
WARM_RATIO = 0.2
BURST_S = 0.005
Report = Callable[[str, str], None]


def feed(kafka: str, topic: str, rate: int, seconds: int) -> None:
    """Writes records at a steady pace, in bursts as short as a timer allows."""
    producer = KafkaProducer(bootstrap_servers=kafka, linger_ms=0, acks=1, metrics_enabled=False)
    began_s = time.monotonic()
    for sent, (key, value) in enumerate(singles(rate * seconds, first=SERIES)):
        while sent >= (time.monotonic() - began_s) * rate:
            time.sleep(BURST_S)
        producer.send(topic, value, key.encode())
    producer.flush()
    producer.close()


def latency(place: Place, rate: int, seconds: int, report: Report) -> None:
    """Latency of every record but those of the first fifth of the time."""
    place.fill(singles(SERIES))  # so that the daemon has begun
    with place.daemons() as daemons:
        begun = sum(sum(seen.content["rows"]) for seen in daemons.scores(SERIES))
        assert begun == SERIES
        feeding = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "benchmarks.daemon_life",
                "--feed",
                place.kafka,
                place.topic,
                str(rate),
                str(seconds),
            ]
        )
        visible = [
            seen.seen_s
            for seen in daemons.scores(rate * seconds, pause_s=0.001)
            for _ in range(sum(seen.content["rows"]))
        ]
        feeding.wait()
    written = np.array(timestamps(place)[SERIES:]) / 1000
    late_ms = 1000 * (np.array(visible) - written)[int(WARM_RATIO * len(written)) :]
    told = " / ".join(f"{value:.0f}" for value in np.quantile(late_ms, [0.5, 0.99, 1]))
    report(f"latency at {rate:,} records/s for {seconds} s: p50 / p99 / longest, ms", told)


def timestamps(place: Place) -> list[int]:
    """Returns when each record of the readings was made, ms since 1970."""
    at = TopicPartition(place.topic, 0)
    consumer = KafkaConsumer(bootstrap_servers=place.kafka, enable_auto_commit=False)
    consumer.assign([at])
    consumer.seek_to_beginning()
    end, found = consumer.end_offsets([at])[at], list[int]()
    while len(found) < end:
        found += [record.timestamp for record in consumer.poll(500, max_records=100_000).get(at, [])]
    consumer.close()
    return found


def backlog(place: Place, count: int, report: Report) -> None:
    """Memory over a long backlog, and whether the group ever threw the daemon out."""
    place.fill(singles(count))
    rows, memory = 0, []
    with place.daemons() as daemons:
        for seen in daemons.scores(count, pause_s=0.2):
            rows += sum(seen.content["rows"])
            memory.append((rows, daemons.rss_bytes()))
        moved = metric(daemons, "reconwatch_rebalances_total")
        again = metric(daemons, "reconwatch_replayed_records_total")
    done, size = np.array(memory).T
    warm = size[np.searchsorted(done, WARM_RATIO * count)]
    told = f"{warm / 2**20:.0f} MiB, {size[-1] / 2**20:.0f} MiB, {size[-1] / warm:.3f}; most {size.max() / warm:.3f}"
    report(f"backlog of {count:,} records: memory after a fifth, at the end, ratio", told)
    report("polls in which partitions came or went, records read twice", f"{moved:.0f}, {again:.0f}")


def metric(daemons: Daemons, name: str) -> float:
    """Returns a number from the page of metrics."""
    with urllib.request.urlopen(f"http://127.0.0.1:{daemons.port}/metrics", timeout=10) as page:
        lines = page.read().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.split("{")[0].split(" ")[0] == name)


def restart(place: Place, series: int, report: Report, **sections: Any) -> None:
    """Seconds from the start of a process to the first new scores, its windows being read again."""
    place.fill(singles(WINDOW * series, series))
    group = f"restart-{len(sections)}"
    with place.daemons(group=group, **sections) as daemons:
        for _ in daemons.scores(WINDOW * series):
            pass
        size = daemons.rss_bytes()
    place.fill(singles(series, series, first=WINDOW * series))
    began_s = time.monotonic()
    with place.daemons(group=group, **sections) as daemons:
        looks = daemons.scores((WINDOW + 1) * series, pause_s=0.02)
        seen, first_s = 0, 0.0
        for one in looks:
            seen += sum(one.content["rows"])
            if seen > WINDOW * series and not first_s:
                first_s = time.monotonic() - began_s
        again = metric(daemons, "reconwatch_replayed_records_total")
    told = f"{first_s:.1f} s, {again:,.0f} records read again, {size / 2**20:.0f} MiB"
    report(f"restart with {series:,} series of {WINDOW} rows{' and a snapshot' * bool(sections)}", told)


def main() -> None:
    """Prints what was found, as it is found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of everything")
    parser.add_argument("--pace", type=int, default=20_000, help="records a second; half of what the daemon can do")
    parser.add_argument("--feed", nargs=4, metavar=("KAFKA", "TOPIC", "RATE", "SECONDS"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.feed:
        feed(given.feed[0], given.feed[1], int(given.feed[2]), int(given.feed[3]))
        return
    table, console = Table("what", "found"), Console()
    part = 10 if given.quick else 1
    with tempfile.TemporaryDirectory() as name, KafkaCluster() as cluster:
        folder = Path(name)
        bundle = folder / "pumps.bundle"
        trained(CONV1D).save(bundle)
        place = partial(Place, cluster.bootstrap, bundle, folder, SINGLE.decoder)
        latency(place(), given.pace // part, 20, table.add_row)
        backlog(place(), 1_000_000 // part, table.add_row)
        restart(place(), MANY_SERIES // part, table.add_row)
        restart(place(), MANY_SERIES // part, table.add_row, snapshots={"folder": str(folder / "snapshots")})
    console.print(table)


if __name__ == "__main__":
    main()
