"""Bundles: whole or not at all, proved on loading, refused when anything is off."""

import functools
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from reseal import manifest_of, reseal
from safetensors.numpy import load, save

from detector import bundle as bundles
from detector.api import fit, score
from detector.bundle import Bundle
from detector.errors import BundleError, SinkUnavailable
from detector.members.autoencoder import AutoencoderMember
from detector.members.memory import MemoryMember
from detector.members.table import DetectorConfig
from detector.models.backbones.lstm import LstmBackbone
from detector.models.variants.deep import DeepConfig
from detector.training.trainer import TrainerConfig

FILES = {"manifest.json", "weights.safetensors", "golden.safetensors", "engine-0.onnx"}


def frame(rows: int = 150, seed: int = 0) -> pd.DataFrame:
    load_ = np.sin(np.arange(rows) / 7)
    noise = 0.1 * np.random.default_rng(seed).normal(size=(rows, 2))
    return pd.DataFrame(np.stack([load_, 1 - load_], axis=1) + noise, columns=["flow", "head"])


NETWORK = AutoencoderMember(
    window=8, variant=DeepConfig(), backbone=LstmBackbone(width=8), trainer=TrainerConfig(steps=5, batch=16)
)
CONFIG = DetectorConfig(members=(NETWORK, MemoryMember(window=12, size=60, stand_in=True)))


@functools.cache
def fitted(seed: int = 0) -> Bundle:
    return fit(frame(), CONFIG, seed)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    fitted().save(tmp_path / "pump.bundle")
    return tmp_path / "pump.bundle"


def content(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.iterdir()}


def rewrite(path: Path, change: Callable[[dict], object], name: str = "manifest.json") -> None:
    """Changes a file as someone would who knows the format."""
    manifest = manifest_of(path)
    if name == "manifest.json":
        change(manifest)
        reseal(path, manifest)
    else:
        tensors = load((path / name).read_bytes())
        change(tensors)
        reseal(path, manifest, {name: save(tensors)})


def refused(path: Path, sentence: str) -> None:
    with pytest.raises(BundleError, match=sentence) as told:
        bundles.load(path)
    assert str(path) in str(told.value)


def test_what_was_saved_scores_the_same(path):
    again = bundles.load(path)
    assert again.version == fitted().version
    assert again.config == fitted().config
    assert again.facts == fitted().facts
    recent = frame(seed=1)
    pd.testing.assert_frame_equal(score(again, recent), score(fitted(), recent))
    assert content(path).keys() == FILES


def test_the_same_training_gives_the_same_bytes(path, tmp_path):
    fit(frame(), CONFIG, 0).save(tmp_path / "again")
    assert content(tmp_path / "again") == content(path)
    bundles.load(path).save(tmp_path / "copy")
    assert content(tmp_path / "copy") == content(path)
    fitted(1).save(tmp_path / "other")
    assert content(tmp_path / "other")["weights.safetensors"] != content(path)["weights.safetensors"]


def test_an_older_bundle_is_replaced_and_nothing_is_left_behind(path):
    fitted(1).save(path)
    assert bundles.load(path).seed == 1
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_folders_on_the_way_are_made(tmp_path):
    fitted().save(tmp_path / "a" / "b" / "pump.bundle")
    assert bundles.load(tmp_path / "a" / "b" / "pump.bundle").seed == 0


def test_what_is_no_bundle_is_not_overwritten(tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("mine")
    with pytest.raises(BundleError, match="is not a bundle"):
        fitted().save(tmp_path / "notes")
    assert (tmp_path / "notes" / "mine.txt").read_text() == "mine"


def test_a_place_that_cannot_be_written(path):
    with pytest.raises(SinkUnavailable, match="cannot write the bundle"):
        fitted().save(path / "manifest.json" / "pump.bundle")
    assert content(path).keys() == FILES
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_an_interrupted_save_leaves_the_older_bundle(path, monkeypatch):
    before = content(path)

    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(SinkUnavailable, match="No space left"):
            fitted(1).save(path)
    assert content(path) == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_nothing_there(tmp_path):
    refused(tmp_path / "none", "is not a bundle")
    refused(tmp_path, "has no manifest.json")


@pytest.mark.parametrize("name", sorted(FILES - {"manifest.json"}))
def test_a_missing_file(path, name):
    (path / name).unlink()
    refused(path, "damaged")


@pytest.mark.parametrize("name", sorted(FILES))
def test_one_changed_byte(path, name):
    data = bytearray((path / name).read_bytes())
    data[len(data) // 2] ^= 1
    (path / name).write_bytes(bytes(data))
    refused(path, "was changed|damaged")


def test_a_manifest_that_is_cut_short(path):
    (path / "manifest.json").write_bytes((path / "manifest.json").read_bytes()[:100])
    refused(path, "damaged")


@pytest.mark.parametrize("written", [1, 3, "2", None])
def test_another_format(path, written):
    rewrite(path, lambda manifest: manifest.update(format=written))
    refused(path, "format")


def test_a_seal_that_does_not_fit(path):
    manifest = json.loads((path / "manifest.json").read_text())
    (path / "manifest.json").write_text(json.dumps(manifest | {"seed": 7}))
    refused(path, "checksums differ")


@pytest.mark.parametrize("key", ["sha256", "schema", "detector", "seed"])
def test_a_manifest_without_a_part(path, key):
    rewrite(path, lambda manifest: manifest.pop(key))
    refused(path, "changed|damaged")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite(path, value):
    def spoil(tensors: dict) -> None:
        tensors["member/memory/mean"] = np.full_like(tensors["member/memory/mean"], value)

    rewrite(path, spoil, "weights.safetensors")
    refused(path, "NaN or infinite weights")


def test_weights_of_another_shape(path):
    rewrite(path, lambda t: t.update({"member/autoencoder/scale": np.ones(9)}), "weights.safetensors")
    refused(path, "damaged|golden")


@pytest.mark.parametrize("name", ["member/memory/mean", "fusion/norm", "band"])
def test_a_tensor_is_missing(path, name):
    rewrite(path, lambda tensors: tensors.pop(name), "weights.safetensors")
    refused(path, "damaged")


def test_weights_that_score_otherwise_than_in_training(path):
    def shift(tensors: dict) -> None:
        tensors["member/memory/mean"] += 1

    rewrite(path, shift, "weights.safetensors")
    refused(path, "golden windows")


def test_a_pickle_in_place_of_weights(path, tmp_path):
    import pickle

    class Trap:
        def __reduce__(self) -> tuple:
            return (tmp_path / "sprung").touch, ()

    data = pickle.dumps(Trap())
    (path / "weights.safetensors").write_bytes(data)

    def fit_hash(manifest: dict) -> None:
        manifest["sha256"]["weights.safetensors"] = hashlib.sha256(data).hexdigest()

    rewrite(path, fit_hash)
    refused(path, "damaged")
    assert not (tmp_path / "sprung").exists()
