"""The serving install: what trains is absent, and scoring and streaming give the same bytes all the same."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from detector.api import fit
from detector.members.autoencoder import AutoencoderMember
from detector.members.memory import MemoryMember
from detector.members.projection import ProjectionMember
from detector.members.table import DetectorConfig
from detector.models.backbones.lstm import LstmBackbone
from detector.models.variants.deep import DeepConfig
from detector.models.variants.denoising import DenoisingConfig
from detector.training.trainer import TrainerConfig
from pipelines.cli.extras import EXTRAS

TRAINING = sorted(name for name, extra in EXTRAS.items() if extra in ("train", "bakeoff"))
ABSENT = f"""
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {TRAINING}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
"""
QUICK = TrainerConfig(steps=20, batch=32)
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Runs a command line; ``slim`` hides what the extra for training brings."""
    (tmp_path / "absent").mkdir()
    (tmp_path / "absent" / "sitecustomize.py").write_text(ABSENT)

    def run(*arguments: object, slim: bool = True) -> subprocess.CompletedProcess[str]:
        path = [str(tmp_path / "absent")] * slim + [os.getcwd()]
        entry = [sys.executable, "-c", "from pipelines.cli.main import main; main()", *map(str, arguments)]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(path), "OMP_NUM_THREADS": "1"}
        return subprocess.run(entry, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100)

    return run


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, stream) -> Path:
    """A bundle with every kind of member, networks of two backbones among them."""
    path = tmp_path_factory.mktemp("slim") / "plant.bundle"
    members = (
        AutoencoderMember(name="cae", window=32, variant=DenoisingConfig(), centre=True, last=8, trainer=QUICK),
        AutoencoderMember(name="rnn", window=16, variant=DeepConfig(), backbone=LstmBackbone(width=8), trainer=QUICK),
        MemoryMember(window=16, size=200, stand_in=True),
        ProjectionMember(window=16),
    )
    fit(stream(1200, 0), DetectorConfig(members=members)).save(path)
    return path


def without_graphs(bundle: Path, to: Path) -> Path:
    """Returns the bundle as it was written before networks were exported."""
    shutil.copytree(bundle, to)
    manifest = json.loads((to / "manifest.json").read_text())
    for graph in to.glob("engine-*.onnx"):
        del manifest["sha256"][graph.name]
        graph.unlink()
    del manifest["engines"], manifest["seal"]
    plain = (json.dumps(manifest, indent=2, sort_keys=True) + "\n").encode()
    (to / "manifest.json").write_text(json.dumps(manifest | {"seal": hashlib.sha256(plain).hexdigest()}))
    return to


def test_nothing_of_the_training_can_be_imported(command):
    told = command("train", "--data", "none.csv", "--out", "none.bundle", "--variant", "deep")
    assert told.returncode == 2
    assert told.stderr == (
        "reconwatch: this command needs torch, which is not installed: pip install 'reconwatch[train]'.\n"
    )


def test_scores_are_the_same_bytes(command, whole, tmp_path, stream):
    stream(600, 5).assign(is_anomaly=0).to_csv(tmp_path / "pump.csv", index=False)
    for slim in (True, False):
        told = command("score", "--bundle", whole, "--data", "pump.csv", "--out", f"{slim}.csv", slim=slim)
        assert told.returncode == 0, told.stderr
    assert (tmp_path / "True.csv").read_bytes() == (tmp_path / "False.csv").read_bytes()
    assert "True" not in (tmp_path / "True.csv").read_text()


def test_labels_and_pictures_say_what_they_need(command, whole, tmp_path, stream):
    frame = stream(300, 5)
    frame.assign(is_anomaly=(frame.index > 250).astype(int)).to_csv(tmp_path / "pump.csv", index=False)
    score = ("score", "--bundle", whole, "--data", "pump.csv", "--out", "scores.csv")
    told = command(*score)
    assert told.returncode == 0
    assert "comparing with is_anomaly needs scipy: pip install 'reconwatch[train]'" in told.stderr
    told = command(*score, "--plot", "scores.png")
    assert told.returncode == 2
    assert "needs matplotlib" in told.stderr
    assert not (tmp_path / "scores.png").exists()


def test_the_daemon_gives_the_same_bytes(command, whole, tmp_path, stream):
    stream(600, 5).to_csv(tmp_path / "pump.csv", index=False)
    outputs = {}
    for slim in (True, False):
        sinks = [{"kind": "jsonl", "path": f"{what}-{slim}.jsonl", "content": what} for what in ("scores", "alerts")]
        source = {"kind": "file", "paths": ["pump.csv"]}
        settings = {"detector": {"bundle": str(whole)}, "source": source, "sinks": sinks, "server": {"enabled": False}}
        (tmp_path / "run.yaml").write_text(yaml.safe_dump(settings))
        told = command("run", "-c", "run.yaml", slim=slim)
        assert told.returncode == 0, told.stderr
        outputs[slim] = [(tmp_path / sink["path"]).read_bytes() for sink in sinks]
    assert outputs[True] == outputs[False]
    assert all(outputs[True])


def test_a_bundle_without_graphs_says_what_it_needs(command, stream, whole, tmp_path):
    old = without_graphs(whole, tmp_path / "old.bundle")
    stream(100, 5).to_csv(tmp_path / "pump.csv", index=False)
    score = ("score", "--bundle", old, "--data", "pump.csv", "--out", "scores.csv")
    told = command(*score)
    assert told.returncode == 4
    assert "has no ONNX graph and torch is not installed: pip install 'reconwatch[train]'" in told.stderr
    assert "Traceback" not in told.stderr
    assert command(*score, slim=False).returncode == 0
