"""The encoder without a decoder."""

import numpy as np
import onnx
import pytest
import torch
from kinds import CONFIGS, fitted, rows, windows

from detector.bundle import load
from detector.fitting.dataset import Run
from detector.fitting.fit import fit_detector
from detector.members.base import in_blocks
from detector.members.encoder import EncoderMember
from detector.members.table import DetectorConfig
from detector.models.backbones.dense import DenseBackbone
from detector.models.variants.vae import kl_to_standard_normal
from detector.training.trainer import TrainerConfig
from detector.windows.schema import Channel, Schema


def test_the_bundle_holds_no_decoder(tmp_path):
    width, size = 24, 3
    member = EncoderMember(
        variant={"kind": "vae", "code_size": size}, backbone=DenseBackbone(width=width, depth=1),
        size=40, trainer=TrainerConfig(steps=20),
    )  # fmt: skip
    schema = Schema(channels=tuple(Channel(name=name) for name in ("a", "b", "c", "d", "e", "f")))
    values = np.random.default_rng(0).normal(size=(300, 6))
    made = fit_detector(DetectorConfig(members=(member,)), schema, [Run(np.arange(300), values)], refuse=False)
    made.save(tmp_path / "flows.bundle")
    kept = load(tmp_path / "flows.bundle").detector.members[0].tensors()
    assert set(kept) == {"deviation", "codes", "windows", "scale", "graph"}
    graph = onnx.load_from_string(kept["graph"].tobytes()).graph
    shapes = sorted(tuple(weight.dims) for weight in graph.initializer if len(weight.dims) == 2)
    # In and out of the hidden layer; a decoder would add (3, 24) and (24, 6), whichever way they are turned.
    assert [tuple(sorted(shape)) for shape in shapes] == [(6, 24), (6, 24)]
    numbers = sum(int(np.prod(weight.dims)) for weight in graph.initializer if len(weight.dims))
    assert numbers < 1.2 * ((6 + 1) * width + (width + 1) * 2 * size)
    files = b"".join(path.read_bytes() for path in (tmp_path / "flows.bundle").iterdir())
    assert b"decoder" not in files


def test_the_divergence_is_that_of_the_article():
    config = CONFIGS["encoder"].model_copy(update={"score": "divergence"})
    member, seen = config.fit([rows(120, 0)], [rows(60, 1)], 5, lambda *_: None), windows("encoder")[:64]
    assert member.outputs == ("divergence",)
    posterior = torch.from_numpy(member.engine.run(seen))
    expected = kl_to_standard_normal(*posterior.chunk(2, 1)).numpy()
    np.testing.assert_allclose(in_blocks(member.look, seen, None).values[:, 0], expected, rtol=1e-4, atol=1e-4)


def test_a_remembered_window_is_near_and_what_is_expected_of_it_too():
    member = fitted("encoder")
    near = in_blocks(member.look, member.windows, None).values[:, 0]
    far = in_blocks(member.look, member.windows + 4, None).values[:, 0]
    assert near.max() < far.min()
    error = np.abs(member.expect(member.windows[:64], None) - member.windows[:64]).mean()
    assert error < np.abs(member.windows[:64] - member.windows.mean(axis=0)).mean()


def test_the_channel_that_differs_has_the_largest_share():
    seen = windows("encoder")[:64].copy()
    seen[:, :, 1] += 5
    terms = in_blocks(fitted("encoder").look, seen, None).terms
    assert (terms.argmax(axis=1) == 1).mean() > 0.9


def test_its_training_repeats():
    one, two = (CONFIGS["encoder"].fit([rows(120, 0)], [rows(60, 1)], 5, lambda *_: None).tensors() for _ in range(2))
    for name in one:
        np.testing.assert_array_equal(one[name], two[name])


def test_only_variational_encoders():
    with pytest.raises(ValueError, match="vae"):
        EncoderMember(variant={"kind": "deep"})
