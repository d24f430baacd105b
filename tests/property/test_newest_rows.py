"""The newest rows alone are the newest rows of the whole, whatever the network is."""

import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from detector.models.backbones.base import Backbone, Shape
from detector.models.backbones.conv1d import Conv1dBackbone
from detector.models.backbones.dense import DenseBackbone
from detector.models.backbones.lstm import LstmBackbone
from detector.models.base import Variant
from detector.models.initialise import initialise
from detector.models.variants.table import REGISTERED

NATIVE = ("deep", "stacked", "sparse_kl", "sparse_l1", "contractive", "adversarial", "rae", "wae_mmd")
VARIANTS = [*REGISTERED.values(), *(REGISTERED[name].model_copy(update={"code_size": None}) for name in NATIVE)]


@st.composite
def backbones(draw: st.DrawFn) -> Backbone:
    common = {
        "width": draw(st.integers(1, 9)),
        "activation": draw(st.sampled_from(["gelu", "relu", "elu", "tanh"])),
        "normalisation": draw(st.sampled_from(["none", "layer"])),
        "depth": draw(st.integers(1, 5)),
    }
    kind = draw(st.sampled_from([Conv1dBackbone, Conv1dBackbone, Conv1dBackbone, DenseBackbone, LstmBackbone]))
    return kind(**common, **({"code_channels": draw(st.integers(1, 4))} if kind is Conv1dBackbone else {}))


@settings(deadline=None, max_examples=200)
@given(
    variant=st.sampled_from(VARIANTS),
    backbone=backbones(),
    loss=st.sampled_from(["mse", "gaussian_nll"]),
    shape=st.builds(Shape, st.integers(1, 80), st.integers(1, 4), st.integers(0, 2)),
    rows=st.integers(1, 90),
    seed=st.integers(0, 100),
)
@torch.inference_mode()
def test_newest_is_the_end_of_the_whole(
    variant: Variant, backbone: Backbone, loss: str, shape: Shape, rows: int, seed: int
) -> None:
    source = torch.Generator().manual_seed(seed)
    changed = variant if variant.kind == "pca" else variant.model_copy(update={"loss": loss})
    model = changed.build(shape, backbone)
    initialise(model, source)
    for parameter in model.parameters():  # biases begin at zero, where a mistake at a border would not show
        parameter.add_(0.1 * torch.randn(parameter.shape, generator=source))
    model = model.double().eval()
    x = torch.randn(3, shape.steps, shape.inputs, generator=source, dtype=torch.float64)
    newest = model.newest(rows)
    torch.testing.assert_close(newest(x[:, -newest.rows :]), model.reconstruct(x)[:, -rows:], rtol=0, atol=1e-9)


@settings(deadline=None, max_examples=200)
@given(
    variant=st.sampled_from([variant for variant in VARIANTS if variant.code_size is None]),
    backbone=st.builds(
        Conv1dBackbone,
        width=st.integers(1, 9),
        depth=st.integers(1, 5),
        code_channels=st.integers(1, 4),
        activation=st.sampled_from(["gelu", "relu"]),
        normalisation=st.sampled_from(["none", "layer"]),
    ),
    shape=st.builds(Shape, st.integers(24, 90), st.integers(1, 4), st.integers(0, 2)),
    rows=st.integers(1, 20),
    windows=st.integers(1, 9),
    seed=st.integers(0, 100),
)
@torch.inference_mode()
def test_windows_in_a_stretch_get_what_each_gets_alone(
    variant: Variant, backbone: Conv1dBackbone, shape: Shape, rows: int, windows: int, seed: int
) -> None:
    source = torch.Generator().manual_seed(seed)
    model = variant.build(shape, backbone)
    initialise(model, source)
    for parameter in model.parameters():
        parameter.add_(0.1 * torch.randn(parameter.shape, generator=source))
    model = model.double().eval()
    newest = model.newest(rows)
    assume(newest.hop)
    x = torch.randn(3, shape.steps + (windows - 1) * newest.hop, shape.inputs, generator=source, dtype=torch.float64)
    whole = x.unfold(1, shape.steps, newest.hop).permute(0, 1, 3, 2).flatten(0, 1)
    wanted = model.reconstruct(whole)[:, -rows:]
    stretch = x[:, shape.steps - newest.rows :]
    torch.testing.assert_close(newest(stretch), wanted, rtol=0, atol=1e-9)
