"""Whatever is wrong with the input: one sentence, the right exit code, nothing half-written left behind."""

import hashlib
import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load, save

from detector.errors import BundleError, ConfigError, DataError, ReconwatchError, SinkUnavailable
from pipelines.cli.main import run

HEADER = "timestamp,flow,pressure,current"
TINY = """
members:
  - {kind: projection, name: pca, window: 12}
  - {kind: memory, name: near, window: 8, size: 100}
"""


@pytest.fixture
def place(tmp_path: Path, stream: Callable[[int, int], pd.DataFrame], bundle: Path) -> Path:
    """A folder with good data, a quick configuration, a bundle and an older output of each verb."""
    stream(200, 3).to_csv(tmp_path / "good.csv", index=False)
    (tmp_path / "tiny.yaml").write_text(TINY)
    (tmp_path / "scores.csv").write_text("older scores\n")
    shutil.copytree(bundle, tmp_path / "pump.bundle")
    shutil.copytree(bundle, tmp_path / "older.bundle")
    return tmp_path


def picture(folder: Path) -> dict[str, str]:
    files = (file for file in sorted(folder.rglob("*")) if file.is_file())
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def train(place: Path, data: str, out: str = "older.bundle", *more: str) -> list[str]:
    return ["train", "--data", str(place / data), "--out", str(place / out), "-c", str(place / "tiny.yaml"), *more]


def score(place: Path, data: str, out: str = "scores.csv", bundle: str = "pump.bundle", *more: str) -> list[str]:
    files = ["--data", str(place / data), "--bundle", str(place / bundle), "--out", str(place / out)]
    return ["score", *files, *more]


def refused(
    place: Path, arguments: list[str], error: type[ReconwatchError], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Runs a command line that must fail: one line on standard error, its code, and every file as it was."""
    before = picture(place)
    capsys.readouterr()
    assert run(arguments) == error.exit_code
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("reconwatch: ")
    assert told.err.count("\n") == 1
    assert sentence in told.err
    assert picture(place) == before


BROKEN = {
    "empty": (b"", "is empty"),
    "header only": (f"{HEADER}\n".encode(), "no rows"),
    "no time": (b"flow,pressure,current\n1,2,3\n", "no column 'timestamp'"),
    "no numeric channel": (b"timestamp,note\n1,a\n2,b\n", "no numeric channel"),
    "ragged": (f"{HEADER}\n1,2,3,4\n2,3,4\n".encode(), "line 3: 3 fields where the header has 4"),
    "too long a row": (f"{HEADER}\n1,2,3,4,5\n".encode(), "line 2: 5 fields"),
    "mixed times": (f"{HEADER}\n2026-01-01,1,2,3\n1767225600,1,2,3\n2026-01-02,1,2,3\n".encode(), "line 3: timestamp"),
    "no such time": (f"{HEADER}\n2026-02-30,1,2,3\n".encode(), "line 2: timestamp '2026-02-30'"),
    "before all time": (f"{HEADER}\n0001-01-01,1,2,3\n".encode(), "years 1678"),
    "not text": (bytes(range(128, 256)), "pump.csv"),
}


@pytest.mark.parametrize("verb", [train, score])
@pytest.mark.parametrize("content,sentence", BROKEN.values(), ids=BROKEN)
def test_broken_files(place, capsys, verb, content, sentence):
    (place / "pump.csv").write_bytes(content)
    refused(place, verb(place, "pump.csv"), DataError, sentence, capsys)


@pytest.mark.parametrize("verb", [train, score])
def test_missing_file(place, capsys, verb):
    refused(place, verb(place, "none.csv"), DataError, "none.csv does not exist", capsys)


@pytest.mark.parametrize("rows", [1, 23])
def test_too_few_rows_to_learn_from(place, capsys, rows):
    pd.read_csv(place / "good.csv")[:rows].to_csv(place / "pump.csv", index=False)
    refused(place, train(place, "pump.csv"), DataError, f"has {rows} rows, at least 24", capsys)


def test_no_value_at_all(place, capsys):
    pd.read_csv(place / "good.csv").assign(flow="", pressure="", current="").to_csv(place / "pump.csv", index=False)
    refused(place, train(place, "pump.csv"), DataError, "no value at all", capsys)


@pytest.mark.parametrize(
    "change,sentence",
    [
        (lambda frame: frame.drop(columns="flow"), "lacks 'flow'"),
        (lambda frame: frame.assign(head=1), "has unknown 'head'"),
        (lambda frame: frame.rename(columns={"flow": "head"}), "lacks 'flow' and has unknown 'head'"),
    ],
    ids=["missing", "unknown", "renamed"],
)
def test_channels_that_differ_from_the_training(place, capsys, change, sentence):
    change(pd.read_csv(place / "good.csv")).to_csv(place / "pump.csv", index=False)
    refused(place, score(place, "pump.csv"), DataError, sentence, capsys)


def test_series_to_train_on_that_differ(place, capsys):
    pd.read_csv(place / "good.csv").drop(columns="flow").to_csv(place / "other.csv", index=False)
    arguments = train(place, "good.csv", "older.bundle", str(place / "other.csv"))
    refused(place, arguments, DataError, "series 2 lacks 'flow'", capsys)


def _sealed(path: Path, **changes: object) -> None:
    """Rewrites a manifest as someone would who knows the format."""
    manifest = json.loads((path / "manifest.json").read_text()) | changes
    names = ("weights.safetensors", "golden.safetensors")
    manifest["sha256"] = {name: hashlib.sha256((path / name).read_bytes()).hexdigest() for name in names}
    manifest.pop("seal")
    plain = json.dumps(manifest, indent=2, sort_keys=True) + "\n"
    manifest["seal"] = hashlib.sha256(plain.encode()).hexdigest()
    (path / "manifest.json").write_text(json.dumps(manifest))


def _another_version(path: Path) -> None:
    _sealed(path, format=99)


def _tampered(path: Path) -> None:
    data = bytearray((path / "weights.safetensors").read_bytes())
    data[-5] ^= 1
    (path / "weights.safetensors").write_bytes(bytes(data))


def _nan_weights(path: Path) -> None:
    tensors = load((path / "weights.safetensors").read_bytes())
    tensors["member/pca/basis"][0] = np.nan
    (path / "weights.safetensors").write_bytes(save(tensors))
    _sealed(path)


def _pickled(path: Path) -> None:
    (path / "weights.safetensors").write_bytes(pickle.dumps({"member/pca/basis": [1.0]}))
    _sealed(path)


def _cut_short(path: Path) -> None:
    (path / "golden.safetensors").write_bytes((path / "golden.safetensors").read_bytes()[:50])


@pytest.mark.parametrize("verb", ["score", "inspect"])
@pytest.mark.parametrize(
    "spoil,sentence",
    [
        (_another_version, "has format 99"),
        (_tampered, "was changed after it was written"),
        (_nan_weights, "NaN or infinite weights"),
        (_pickled, "is damaged"),
        (_cut_short, "was changed after it was written"),
        (shutil.rmtree, "is not a bundle"),
    ],
)
def test_bundles_that_cannot_be_trusted(place, capsys, verb, spoil, sentence):
    spoil(place / "pump.bundle")
    arguments = score(place, "good.csv") if verb == "score" else ["inspect", str(place / "pump.bundle")]
    refused(place, arguments, BundleError, sentence, capsys)


@pytest.mark.parametrize("out", ["none/scores.csv", "older.bundle", "good.csv/scores.csv", "/proc/scores.csv"])
def test_places_where_scores_cannot_be_written(place, capsys, out):
    refused(place, score(place, "good.csv", out), SinkUnavailable, "cannot write", capsys)


@pytest.mark.parametrize("picture", ["none/scores.png", "older.bundle"])
def test_places_where_a_picture_cannot_be_written(place, capsys, picture):
    more = ["--plot", str(place / picture)]
    refused(place, [*score(place, "good.csv"), *more], SinkUnavailable, "cannot write", capsys)
    refused(place, ["inspect", str(place / "pump.bundle"), *more], SinkUnavailable, "cannot write", capsys)


def test_permission_denied(place, capsys, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)  # root may write everywhere
    refused(place, score(place, "good.csv"), SinkUnavailable, "permission denied", capsys)


@pytest.mark.parametrize(
    "out,error,sentence",
    [
        ("good.csv/pump.bundle", SinkUnavailable, "cannot write the bundle"),
        ("/proc/pump.bundle", SinkUnavailable, "cannot write the bundle"),
        ("good.csv", BundleError, "exists and is not a bundle"),
    ],
)
def test_places_where_a_bundle_cannot_be_written(place, capsys, out, error, sentence):
    refused(place, train(place, "good.csv", out), error, sentence, capsys)


@pytest.mark.parametrize(
    "content,sentence",
    [
        (b"members: []", "members"),
        (b"members: [{kind: forest}]", "forest"),
        (b"members: [{kind: memory, windows: 8}]", "members.0.memory.windows"),
        (b"members: [{kind: memory, window: long}]", "members.0.memory.window"),
        (b"members: [", "is not YAML"),
        (b"", "valid dictionary"),
        (b"\xff\xfe\x00", "is not YAML"),
    ],
)
def test_configurations_that_cannot_be_used(place, capsys, content, sentence):
    (place / "tiny.yaml").write_bytes(content)
    refused(place, train(place, "good.csv"), ConfigError, sentence, capsys)


@pytest.mark.parametrize(
    "more,sentence",
    [
        (["--variant", "forest"], "--variant forest"),
        (["--variant", "deep", "--backbone", "forest"], "--backbone forest"),
        (["--variant", "deep", "-c", "none.yaml"], "give one of them"),
        (["-c", "none.yaml"], "none.yaml cannot be read"),
        (["--seed", "soon"], "--seed"),
    ],
)
def test_options_that_cannot_be_used(place, capsys, more, sentence):
    arguments = ["train", "--data", str(place / "good.csv"), "--out", str(place / "older.bundle"), *more]
    refused(place, arguments, ConfigError, sentence, capsys)


def test_the_installed_command_says_the_same(place):
    command = [str(Path(sys.executable).with_name("reconwatch")), *score(place, "none.csv")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == DataError.exit_code
    assert done.stdout == ""
    assert done.stderr == f"reconwatch: {place / 'none.csv'} does not exist; check the path.\n"
