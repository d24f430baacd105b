"""One suite over every variant on every backbone."""

import functools
from typing import get_args

import numpy as np
import pytest
import torch

from detector.engines.eager import TorchEngine
from detector.engines.export import difference, engine_of
from detector.evaluation.auc import auc_roc
from detector.models.backbones.base import Backbone, Shape
from detector.models.backbones.conv1d import Conv1dBackbone
from detector.models.backbones.dense import DenseBackbone
from detector.models.backbones.lstm import LstmBackbone
from detector.models.backbones.table import BackboneConfig
from detector.models.base import Batch, Progress, Variant
from detector.models.initialise import initialise
from detector.models.state import restore, state
from detector.models.variants.table import REGISTERED
from detector.training.dataset import Windows
from detector.training.trainer import Trained, TrainerConfig, train

SMALL = {
    "dense": DenseBackbone(width=32),
    "conv1d": Conv1dBackbone(width=12),
    "lstm": LstmBackbone(width=16),
}
PAIRS = [pytest.param(v, b, id=f"{name}-{b.kind}") for name, v in REGISTERED.items() for b in SMALL.values()]
STEPS, CHANNELS = 16, 3
QUICK = TrainerConfig(steps=25, batch=16, check_every=10)
LONGER = TrainerConfig(steps=150, batch=16, learning_rate=1e-2)
every_pair = pytest.mark.parametrize("variant,backbone", PAIRS)


def waves(count: int, seed: int) -> np.ndarray:
    t = np.arange(count)
    noise = 0.1 * np.random.default_rng(seed).standard_normal((count, CHANNELS))
    return (np.stack([np.sin(t / 3), np.cos(t / 3), np.sin(t / 3 + 1)], 1) + noise).astype(np.float32)


ROWS = waves(600, seed=0)


def trained(variant: Variant, backbone: Backbone, rows: np.ndarray = ROWS, **more: object) -> Trained:
    windows, held_out = Windows(rows, length=STEPS, **more).split(0.2)
    return train(variant, backbone, windows, held_out, QUICK, seed=3)


@functools.cache
def finished(variant: Variant, backbone: Backbone) -> Trained:
    return trained(variant, backbone)


def test_every_backbone_has_a_small_form():
    assert {backbone.model_fields["kind"].default for backbone in get_args(get_args(BackboneConfig)[0])} == set(SMALL)


@every_pair
def test_shapes_and_determinism_of_scoring(variant, backbone):
    model = finished(variant, backbone).model
    x = torch.from_numpy(np.stack([ROWS[i : i + STEPS] for i in range(64)]))
    code = model.encode(x)
    assert code.shape == (64, model.code_size)
    assert model.decode(code).shape == x.shape
    assert torch.equal(model.reconstruct(x), model.reconstruct(x))


@every_pair
def test_its_graph_says_what_the_model_says_in_any_batch(variant, backbone):
    model = finished(variant, backbone).model
    windows = np.lib.stride_tricks.sliding_window_view(waves(300, seed=1), STEPS, axis=0).transpose(0, 2, 1)[:256]
    engine = engine_of(model, windows, 5)
    assert engine.name == "onnxruntime"
    assert difference(engine, TorchEngine(model), windows) < 1e-6
    whole = engine.run(windows)
    order = np.random.default_rng(0).permutation(len(windows))
    np.testing.assert_array_equal(engine.run(windows[order]), whole[order])
    np.testing.assert_array_equal(engine.run(windows[64:128]), whole[64:128])
    newest = engine.newest(windows, 5)
    np.testing.assert_allclose(newest, whole[:, -5:], rtol=0, atol=1e-6)
    np.testing.assert_array_equal(engine.newest(windows[order], 5), newest[order])


@every_pair
def test_windows_of_a_batch_do_not_see_each_other(variant, backbone):
    model = finished(variant, backbone).model
    x = torch.from_numpy(np.stack([ROWS[i : i + STEPS] for i in range(64)]))
    others = [i for i in range(64) if i != 3]
    changed = x.clone()
    changed[others] += 1
    assert torch.equal(model.reconstruct(x)[3], model.reconstruct(changed)[3])

    batch = Batch(x.requires_grad_(), torch.ones(x.shape, dtype=torch.bool))
    late = Progress(9, 10, torch.Generator().manual_seed(0))
    _, terms = next(model.objectives(batch, late), ("", {"reconstruction": model.held_out(batch)}))
    terms["reconstruction"][3].backward()
    assert x.grad[3].abs().sum() > 0
    assert not x.grad[others].any()


@every_pair
def test_training_moves_every_parameter_and_repeats_bit_for_bit(variant, backbone):
    shape = Shape(STEPS, CHANNELS)
    first = variant.build(shape, backbone)
    initialise(first, torch.Generator().manual_seed(3))
    one, two = finished(variant, backbone), trained(variant, backbone)
    before = state(first)
    for name, tensor in state(one.model).items():
        assert np.array_equal(tensor, state(two.model)[name]), name
        if name in dict(first.named_parameters()):
            assert not np.array_equal(tensor, before[name]), f"{name} never moved"
    assert one.history == two.history


@every_pair
def test_a_saved_model_reconstructs_the_same_bits(variant, backbone):
    model = finished(variant, backbone).model
    x = torch.from_numpy(np.stack([ROWS[i : i + STEPS] for i in range(64)]))
    again = restore(variant, backbone, model.shape, state(model))
    assert torch.equal(model.reconstruct(x), again.reconstruct(x))


@every_pair
def test_what_is_masked_does_not_matter(variant, backbone):
    observed = np.random.default_rng(5).random(ROWS.shape) > 0.1
    raw = [np.where(observed, ROWS, junk).astype(np.float32) for junk in (np.nan, 1e9)]
    one, two = (trained(variant, backbone, rows, observed=observed) for rows in raw)
    assert one.history == two.history
    for name, tensor in state(one.model).items():
        assert np.array_equal(tensor, state(two.model)[name]), name


@every_pair
def test_anomalous_windows_are_rebuilt_worse(variant, backbone):
    windows = Windows(ROWS, length=STEPS)
    model = train(variant, backbone, windows, None, LONGER, seed=3).model
    normal = np.stack([waves(STEPS, seed=i) for i in range(40)])
    broken = normal.copy()
    broken[:, 4:10, 0] *= -1
    x = torch.from_numpy(np.concatenate([normal, broken]))
    error = (model.reconstruct(x) - x).square().sum((1, 2)).numpy()
    assert auc_roc(np.repeat([0, 1], 40), error) > 0.7


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@every_pair
def test_a_model_trained_on_a_gpu_scores_on_the_processor(variant, backbone):
    windows, held_out = Windows(ROWS, length=STEPS).split(0.2)
    config = QUICK.model_copy(update={"device": "cuda"})
    model = train(variant, backbone, windows, held_out, config, seed=3).model
    assert {tensor.device.type for tensor in model.state_dict().values()} == {"cpu"}
    x = windows.gather(np.arange(64)).x
    assert torch.isfinite(model.reconstruct(x)).all()
