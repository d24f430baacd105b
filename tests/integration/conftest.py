"""A small plant of three coupled channels and a detector that learned it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import orjson
import pandas as pd
import pytest
from bench import Bench, Record

from detector.api import fit
from detector.members.projection import ProjectionMember
from detector.members.table import DetectorConfig
from pipelines.brokers.cluster import KafkaCluster

FIRST_S = 1_700_000_000


def plant(rows: int, seed: int) -> pd.DataFrame:
    """Flow, pressure and current that move together, a row per minute."""
    random = np.random.default_rng(seed)
    load = np.sin(np.arange(rows) / 20) + 0.1 * random.normal(size=rows)
    noise = 0.05 * random.normal(size=(rows, 3))
    values = np.stack([load, 2 - load, 0.5 * load], axis=1) + noise
    return pd.DataFrame(values, columns=["flow", "pressure", "current"]).assign(
        timestamp=FIRST_S + 60 * np.arange(rows)
    )[["timestamp", "flow", "pressure", "current"]]


def faulty(rows: int, seed: int) -> pd.DataFrame:
    """The plant with a stuck flow and, later, a jump of the pressure."""
    frame = plant(rows, seed)
    frame.loc[rows // 3 : rows // 3 + 20, "flow"] = 4.0
    frame.loc[2 * rows // 3 : 2 * rows // 3 + 15, "pressure"] += 5.0
    return frame


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of one closed-form member, quick to fit."""
    path = tmp_path_factory.mktemp("bundle") / "plant.bundle"
    config = DetectorConfig(members=(ProjectionMember(name="pca", window=16),))
    fit(plant(1200, 0), config).save(path)
    return path


@pytest.fixture(scope="session")
def stream() -> Callable[[int, int], pd.DataFrame]:
    """Gives the readings of one pump: rows, seed."""
    return faulty


@pytest.fixture(scope="session")
def calm() -> Callable[[int, int], pd.DataFrame]:
    """Gives the readings of a pump without a fault: rows, seed."""
    return plant


@pytest.fixture(scope="session")
def pumps(stream: Callable[[int, int], pd.DataFrame]) -> Callable[..., list[Record]]:
    """Gives readings of three pumps per partition, in turns, with a record now and then that cannot be read."""

    def make(rows: int, partitions: int = 2) -> list[Record]:
        frames = {(p, s): stream(rows, 10 * p + s).to_dict("records") for p in range(partitions) for s in range(3)}
        records = []
        for row in range(rows):
            for (partition, pump), readings in frames.items():
                value = b"rubbish" if (row + pump) % 97 == 50 else orjson.dumps(readings[row])
                records.append(Record(partition, f"pump-{pump}", value))
        return records

    return make


@pytest.fixture
def bench_at(
    bundle: Path, tmp_path: Path, record_property: Callable[[str, object], None]
) -> Iterator[Callable[..., Bench]]:
    """Gives a bench at bootstrap servers: servers, options of Bench."""
    with ExitStack() as stack:
        yield lambda kafka, **options: stack.enter_context(
            Bench(kafka, bundle, tmp_path, report=record_property, **options)
        )


@pytest.fixture
def bench(kafka: str, bench_at: Callable[..., Bench]) -> Bench:
    """A bench on a Kafka of one node."""
    return bench_at(kafka)


@pytest.fixture
def bench3(kafka3: KafkaCluster, bench_at: Callable[..., Bench]) -> Bench:
    """A bench on a Kafka of three nodes, every record on all of them."""
    return bench_at(kafka3.bootstrap, replicas=3)


@pytest.fixture
def config(bundle: Path, tmp_path: Path) -> Path:
    """A configuration that replays two pumps into JSON lines."""
    for name, seed in (("pump-1", 1), ("pump-2", 2)):
        faulty(300, seed).to_csv(tmp_path / f"{name}.csv", index=False)
    path = tmp_path / "reconwatch.yaml"
    path.write_text(f"""
detector: {{bundle: {bundle}, name: plant}}
source: {{kind: file, paths: ["{tmp_path}/pump-*.csv"], chunk_rows: 50}}
sinks:
  - {{kind: jsonl, path: {tmp_path}/out/alerts.jsonl}}
  - {{kind: jsonl, path: {tmp_path}/out/scores.jsonl, content: scores}}
  - {{kind: jsonl, path: {tmp_path}/out/dead_letters.jsonl, content: dead_letters}}
server: {{port: 0}}
""")
    return path
