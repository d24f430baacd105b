"""Hot reload: what the old detector gave stays, what follows is what the new one would have given all along."""

import json
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest
from bench import Bench, Record
from prometheus_client.exposition import generate_latest

from detector.api import fit
from detector.bundle import load
from detector.errors import GateRejected
from detector.members.projection import ProjectionMember
from detector.members.table import DetectorConfig
from pipelines.cli import main as cli
from pipelines.clock import SystemClock
from pipelines.io.base import RawBatch
from pipelines.io.sinks.memory import MemorySink
from pipelines.io.sources.memory import MemorySource
from pipelines.registry.local import LocalRegistry
from pipelines.serving import Serving
from pipelines.settings import Settings
from pipelines.stream.handover import Handover
from pipelines.stream.health import Health
from pipelines.stream.reload import Reloader
from pipelines.telemetry import Served, Telemetry
from pipelines.wiring import assembled

SWAP = 200
Row = tuple[str, int, float, bytes]


class Watched(MemorySource):
    """A source that lets something happen before a certain record is read."""

    def __init__(self, records: list[bytes], event: Callable[[], None]) -> None:
        super().__init__(records, chunk_rows=25)
        self._event: Callable[[], None] | None = event

    def poll(self, timeout_s: float) -> RawBatch | None:
        if self._event and self._at >= SWAP:
            event, self._event = self._event, None
            event()
        return super().poll(timeout_s)


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory, stream: Callable[[int, int], pd.DataFrame]) -> list[Path]:
    """Two detectors of the same channels, with other scalers, members and limits, and one of other channels."""
    folder = tmp_path_factory.mktemp("versions")
    history = stream(900, 5)
    (config, other) = (DetectorConfig(members=(ProjectionMember(name="pca", window=w),)) for w in (16, 8))
    fit(history, config).save(folder / "old")
    fit(history.assign(flow=1.5 * history.flow), other).save(folder / "new")
    fit(history.rename(columns={"flow": "level"}), config).save(folder / "others")
    return [folder / name for name in ("old", "new", "others")]


@pytest.fixture(scope="module")
def records(stream: Callable[[int, int], pd.DataFrame]) -> list[bytes]:
    frames = [stream(240, seed).assign(id=f"pump-{seed}") for seed in (1, 2)]
    rows = pd.concat(frames).sort_values("timestamp", kind="stable")
    return [json.dumps(row).encode() for row in rows.to_dict("records")]


def _settings(bundle: Path) -> Settings:
    return Settings.model_validate(
        {
            "detector": {"bundle": str(bundle)},
            "source": {"kind": "memory"},
            "decoder": {"kind": "wide", "entity": "id"},
            "scoring": {"delay": 4},
        }
    )


class Run:
    """One run of the loop over the records, with a look at the registry before record ``SWAP``."""

    def __init__(self, records: list[bytes], registry: LocalRegistry, event: Callable[[], object] = lambda: None):
        number = registry.resolve("champion")
        assert number
        serving = load(registry.fetch(number))
        settings = _settings(registry.fetch(number))
        self.telemetry, clock, sink = Telemetry("memory", "d", Served(serving.version)), SystemClock(), MemorySink()
        handover = Handover()
        reloader = Reloader(registry, number, Serving(settings, serving, handover).adopt, self.telemetry, 5)

        def happen() -> None:
            event()
            reloader.look()

        source = Watched(records, happen)
        health = Health(clock)
        assembled(settings, serving, source, [sink], self.telemetry, health, clock, handover).run(threading.Event())
        self.rows: list[Row] = []
        self.versions: list[str] = []
        for output in sink.outputs:
            d = output.decisions
            for i, key in enumerate(output.names):
                self.rows.append((key, int(d.time_ns[i]), float(d.anomaly_score[i]), d.contribution[i].tobytes()))
                self.versions.append(output.version)
        self.page = generate_latest(self.telemetry.registry).decode()

    def reloads(self, result: str) -> bool:
        return f'reconwatch_model_reloads_total{{result="{result}"}} 1.0' in self.page


@pytest.fixture
def registry(tmp_path: Path, versions: list[Path]) -> LocalRegistry:
    registry = LocalRegistry(tmp_path / "d", "d")
    for bundle in versions:
        registry.register(bundle, {})
    registry.point({"champion": 1})
    return registry


def test_rows_before_a_swap_are_the_old_detectors_and_rows_after_it_the_new_ones(
    registry: LocalRegistry, records: list[bytes]
) -> None:
    old = Run(records, registry)
    registry.point({"champion": 2})
    new = Run(records, registry)
    registry.point({"champion": 1})
    both = Run(records, registry, lambda: registry.point({"champion": 2}))
    assert len(both.rows) == len({row[:2] for row in both.rows}) == len(records), "none lost, none twice"
    expected = {True: {row[:2]: row for row in new.rows}, False: {row[:2]: row for row in old.rows}}
    fresh = np.array(both.versions) == load(registry.fetch(2)).version
    assert 0 < fresh.sum() < len(fresh)
    for row, by_new in zip(both.rows, fresh.tolist(), strict=True):
        assert str(row) == str(expected[by_new][row[:2]])
    assert both.reloads("swapped")
    assert f'version="{load(registry.fetch(2)).version}"' in both.page


@pytest.mark.parametrize("harm", ["truncated", "other channels", "gone"])
def test_a_version_that_may_not_serve_is_refused_and_the_old_one_goes_on(
    harm: str, registry: LocalRegistry, records: list[bytes]
) -> None:
    alone = Run(records, registry)

    def broken() -> None:
        weights = registry.fetch(2) / "weights.safetensors"
        if harm == "truncated":
            weights.write_bytes(weights.read_bytes()[:-10])
        if harm == "gone":
            shutil.rmtree(weights.parent)
        registry.point({"champion": 3 if harm == "other channels" else 2})

    found = Run(records, registry, broken)
    assert str(found.rows) == str(alone.rows)
    assert found.reloads("refused")


def test_a_registry_that_is_down_changes_nothing_but_a_metric(registry: LocalRegistry, records: list[bytes]) -> None:
    alone = Run(records, registry)
    state = registry.fetch(1).parents[2] / "registry.json"
    found = Run(records, registry, lambda: state.write_text("{"))
    assert str(found.rows) == str(alone.rows)
    assert found.reloads("unavailable")


@pytest.mark.timeout(400)
def test_a_live_daemon_follows_promotion_refuses_a_broken_version_and_follows_rollback(
    tmp_path: Path, versions: list[Path], stream: Callable[[int, int], pd.DataFrame]
) -> None:
    stream(20_000, 1).to_csv(tmp_path / "pump.csv", index=False)
    config = tmp_path / "reconwatch.yaml"
    config.write_text(f"""
detector: {{name: d, registry: {{kind: local, path: {tmp_path}}}, reload_s: 0.1}}
source: {{kind: file, paths: ["{tmp_path}/pump.csv"], speed: 6000}}
sinks: [{{kind: jsonl, path: {tmp_path}/scores.jsonl, content: scores}}]
server: {{port: 0}}
""")
    registry = LocalRegistry(tmp_path / "d", "d")
    old, new = (registry.register(bundle, {}) for bundle in versions[:2])
    broken = registry.register(versions[1], {})
    (registry.fetch(broken) / "golden.safetensors").write_bytes(b"")
    registry.point({"champion": old})
    check = "import sys; from pipelines.cli.main import run; run(); sys.exit('mlflow' in sys.modules)"
    command = [sys.executable, "-c", check, "run", "-c", str(config)]
    daemon = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert daemon.stderr
    found = re.search(r"http://127.0.0.1:\d+", daemon.stderr.readline())
    assert found
    page = found[0] + "/metrics"
    try:
        _wait_for(page, f'version="{load(versions[0]).version}"')
        assert cli.run(["models", "promote", str(new), "-c", str(config)]) == 0
        _wait_for(page, f'version="{load(versions[1]).version}"')
        assert cli.run(["models", "promote", str(broken), "-c", str(config)]) == GateRejected.exit_code
        registry.point({"champion": broken})  # by force, past the gate
        _wait_for(page, 'model_reloads_total{result="refused"} 1.0')
        assert f'version="{load(versions[1]).version}"' in httpx.get(page).text
        registry.point({"champion": new})
        assert cli.run(["models", "rollback", "-c", str(config)]) == 0
        _wait_for(page, f'version="{load(versions[0]).version}"')
        assert (registry.resolve("champion"), registry.resolve("previous")) == (old, new)
    finally:
        daemon.send_signal(signal.SIGTERM)
        _, told = daemon.communicate(timeout=30)
    assert daemon.returncode == 0, told
    times = [json.loads(line)["time_ns"] for line in (tmp_path / "scores.jsonl").read_text().splitlines()]
    first = int(stream(1, 1).timestamp[0]) * 10**9
    assert times == list(range(first, first + len(times) * 60 * 10**9, 60 * 10**9)), "every row once, in order"


@pytest.mark.timeout(600)
def test_swaps_beside_kafka_lose_nothing_and_double_nothing(
    kafka: str, bundle: Path, tmp_path: Path, pumps: Callable[..., list[Record]]
) -> None:
    """Two versions of the same bundle score alike, so that every difference is the doing of a swap."""
    registry = LocalRegistry(tmp_path / "plant", "plant")
    for _ in range(2):
        registry.register(bundle, {})
    registry.point({"champion": 1})
    records = pumps(400)
    with Bench(kafka, bundle, tmp_path) as bench:
        bench.tree["detector"] = {
            "registry": {"kind": "local", "path": str(tmp_path)},
            "name": "plant",
            "reload_s": 0.1,
        }
        daemon = bench.start()
        for swap, at in enumerate(range(0, len(records), 600)):
            bench.produce(records[at : at + 600])
            bench.wait_for_progress()
            registry.point({"champion": 2 - swap % 2})
        bench.verify()
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(30) == 0
        assert bench.told().count("serves from now on") >= 2


def _wait_for(page: str, text: str, seconds: float = 40.0) -> None:
    begin = time.monotonic()
    while text not in (found := httpx.get(page, timeout=10).text):
        assert time.monotonic() - begin < seconds, f"{text} did not appear on\n{found}"
        time.sleep(0.05)
