"""Versions that must not serve are put before a daemon at work: the old one stays, and so does every result."""

import pickle
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from bench import Bench, share
from reseal import manifest_of, reseal
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from detector.api import fit
from detector.members.projection import ProjectionMember
from detector.members.table import DetectorConfig
from pipelines.registry.local import LocalRegistry

pytestmark = [pytest.mark.fault, pytest.mark.chaos, pytest.mark.timeout(1200)]

WEIGHTS = "weights.safetensors"


def truncated(version: Path) -> None:
    weights = version / WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-10])


def pickled(version: Path) -> None:
    reseal(version, manifest_of(version), {WEIGHTS: pickle.dumps({"member": [1.0]})})


def without_numbers(version: Path) -> None:
    tensors = load_tensors((version / WEIGHTS).read_bytes())
    nothing = save_tensors({name: np.full_like(tensor, np.nan) for name, tensor in tensors.items()})
    reseal(version, manifest_of(version), {WEIGHTS: nothing})


def of_other_channels(version: Path) -> None:
    hours = pd.date_range("2024-01-01", periods=300, freq="h")
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(300, 2)), hours, columns=["volts", "amperes"])
    fit(frame, config=DetectorConfig(members=(ProjectionMember(window=8),))).save(version)


HARM = {
    truncated: "checksums differ",
    pickled: "damaged",
    without_numbers: "holds NaN or infinite weights",
    of_other_channels: "channels",
}


def test_no_damaged_or_foreign_version_ever_serves(bench: Bench, bundle: Path, pumps: Callable) -> None:
    registry = LocalRegistry(bench.folder / "registry" / "plant", "plant")
    for _ in range(1 + len(HARM)):
        registry.register(bundle, {})
    registry.point({"champion": 1})
    for version, harm in enumerate(HARM, 2):
        harm(registry.fetch(version))
    bench.tree["detector"] = {
        "registry": {"kind": "local", "path": str(bench.folder / "registry")},
        "name": "plant",
        "reload_s": 0.2,
    }
    records = pumps(share(300))
    bench.start()
    bench.strikes("corrupt and foreign versions: four kinds")
    cuts = np.linspace(0, len(records), len(HARM) + 2).astype(int).tolist()
    bench.produce(records[: cuts[1]])
    bench.wait_until_done()
    for version, reason in enumerate(HARM.values(), 2):
        with bench.feeding(records[cuts[version - 1] : cuts[version]]):
            registry.point({"champion": version})
            while f"version {version} is refused" not in bench.told():
                bench.alive()
                time.sleep(0.2)
        (told,) = (line for line in bench.told().splitlines() if f"version {version} is refused" in line)
        assert reason in told
    bench.verify()
    assert bench.metric("model_reloads_total") == len(HARM)
