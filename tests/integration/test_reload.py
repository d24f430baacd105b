"""Hot reload: what the old detector gave stays, what follows is what the new one would have given all along."""

import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from prometheus_client.exposition import generate_latest

from detector.api import fit
from detector.bundle import load
from detector.members.projection import ProjectionMember
from detector.members.table import DetectorConfig
from pipelines.clock import SystemClock
from pipelines.io.base import RawBatch
from pipelines.io.sinks.memory import MemorySink
from pipelines.io.sources.memory import MemorySource
from pipelines.registry.local import LocalRegistry
from pipelines.settings import Settings
from pipelines.stream.health import Health
from pipelines.stream.reload import Reloader
from pipelines.telemetry import Telemetry
from pipelines.wiring import assembled, prepared

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
        self.telemetry, clock, sink = Telemetry("memory", "d", serving.version), SystemClock(), MemorySink()
        schema = serving.detector.schema
        reloader = Reloader(registry, number, lambda path: prepared(settings, schema, path), self.telemetry, 5)

        def happen() -> None:
            event()
            reloader.look()

        source = Watched(records, happen)
        health = Health(clock)
        assembled(settings, serving, source, [sink], self.telemetry, health, clock, reloader).run(threading.Event())
        self.rows: list[Row] = []
        self.versions: list[str] = []
        for output in sink.outputs:
            d = output.decisions
            for i, key in enumerate(output.keys):
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
