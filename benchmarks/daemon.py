"""The daemon on a real Kafka against a bare poll loop of the same client on the same topic, in turns.

python -m benchmarks.daemon [--quick] [--only "binary"]

`reconwatch run` reads, decodes, keeps windows, scores with the conv1d autoencoder of the preset ``fast`` at every 8th
row, writes all scores and alerts and commits, in transactions. Its pace is read off the timestamps of the scores that
it wrote, once it is done, so nothing is added to it. The bare loop polls and counts, asking for as much at a time as
the daemon does, in a process that has imported the client alone: a large heap would slow its garbage collector.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.beside_kafka import BINARY, COLUMNS, SERIES, SINGLE, Daemons, Place
from benchmarks.scoring import CHANNELS, trained
from detector.members.presets import fast
from pipelines.brokers.cluster import KafkaCluster
from pipelines.io.kafka.config import KafkaConfig
from pipelines.io.kafka.source import FETCH_BYTES

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


def bare(place: Place, count: int) -> float:
    """Polls so many records in a process of its own and returns how many a second."""
    script = Path(__file__).with_name("bare_loop.py")
    numbers = (str(count), str(SKIPPED), str(POLL), str(FETCH_BYTES))
    command = [sys.executable, str(script), place.kafka, place.topic, *numbers]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="1 turn instead of 5")
    parser.add_argument("--only", default="", help="layouts whose names begin so, and one partition alone")
    arguments = parser.parse_args()
    turns = 1 if arguments.quick else 5
    table = Table("one daemon, one partition", "bare, records/s", "daemon, records/s", "ratio", "daemon, samples/s")
    scaled = Table("four partitions", "1 daemon, records/s", "2 daemons, records/s", "ratio")
    console = Console()
    with tempfile.TemporaryDirectory() as name, KafkaCluster() as cluster:
        folder, kafka = Path(name), cluster.bootstrap
        bundle = folder / "pumps.bundle"
        trained(fast()).save(bundle)
        layouts = ((SINGLE, 600_000), (BINARY, 600_000), (COLUMNS, 400_000))
        for layout, count in (one for one in layouts if one[0].name.startswith(arguments.only)):
            place = Place(kafka, bundle, folder, layout.decoder)
            place.fill(layout.records(count))
            found = []
            for _ in track(range(turns), layout.name, transient=True, disable=not sys.stdout.isatty()):
                alone = bare(place, count)
                with place.daemons() as daemons:
                    found.append((alone, pace(daemons, count * layout.samples) / layout.samples))
            bare_rate, rate = (median(one) for one in zip(*found, strict=True))
            ratio = median(ours / theirs for theirs, ours in found)
            samples = f"{rate * layout.samples:,.0f}"
            table.add_row(layout.name, f"{bare_rate:,.0f}", f"{rate:,.0f}", f"{100 * ratio:.0f}%", samples)
        console.print(f"{SERIES:,} series, {CHANNELS} channels, the broker on the same machine")
        console.print(table)
        for layout, count in () if arguments.only else ((SINGLE, 4_000_000), (BINARY, 800_000)):
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
    if not arguments.only:
        console.print(scaled)


if __name__ == "__main__":
    main()
