"""Engines: a graph where there can be one, torch where not, and no graph that is not what it should be."""

import importlib.metadata
import os
import re
import subprocess
import sys

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

from detector.engines.base import NEWEST, WHOLE
from detector.engines.eager import TorchEngine
from detector.engines.export import TOLERANCE, difference, engine_of, exported
from detector.engines.onnx import OnnxEngine
from detector.engines.stretches import Overlap
from detector.members.presets import fast
from detector.members.reconstruction import Reconstruction
from detector.models.backbones.base import Shape
from detector.models.backbones.conv1d import Conv1dBackbone
from detector.models.backbones.convolution import Product
from detector.models.backbones.dense import DenseBackbone
from detector.models.variants.deep import DeepConfig
from detector.scoring.logsum import LogSum
from detector.windows.gather import gathered, in_rows
from pipelines.cli.extras import EXTRAS

WINDOWS = np.random.default_rng(0).normal(size=(40, 6, 3)).astype(np.float32)


class Blur(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Parameter(torch.full((3, 3), 1 / 3))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.mix


class Unspoken(Blur):
    """Uses an operator that the format does not have."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.special.bessel_j0(x)


class Traced(Blur):
    """Decides by the data, which a trace cannot: its graph takes the way of the first windows for ever."""

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.mix if float(x[0, 0, 0].detach()) == float(WINDOWS[0, 0, 0]) and len(x) < 3 else -x


def test_a_graph_is_as_good_as_its_network():
    engine, eager = engine_of(Blur(), WINDOWS), TorchEngine(Blur())
    assert engine.name == "onnxruntime"
    assert difference(engine, eager, WINDOWS) <= TOLERANCE
    again = OnnxEngine.open(engine.graphs, 6, 3)
    np.testing.assert_array_equal(again.run(WINDOWS), engine.run(WINDOWS))


@pytest.mark.parametrize("network", [Unspoken(), Traced()], ids=["unspoken", "traced"])
def test_what_has_no_true_graph_stays_with_torch(network):
    engine = engine_of(network, WINDOWS)
    assert (engine.name, engine.graphs) == ("torch", {})
    np.testing.assert_array_equal(engine.run(WINDOWS), network(torch.from_numpy(WINDOWS)).detach().numpy())


def test_the_same_network_gives_the_same_bytes():
    assert exported(Blur(), WINDOWS) == exported(Blur(), WINDOWS)


@pytest.mark.parametrize("graph", [b"", b"rubbish", exported(Blur(), WINDOWS)[:-40]], ids=["empty", "rubbish", "cut"])
def test_rubbish_is_no_graph(graph):
    with pytest.raises(ValueError, match="cannot be run by onnxruntime"):
        OnnxEngine.open({WHOLE: graph}, 6, 3)


def test_a_graph_for_other_windows_is_refused():
    with pytest.raises(ValueError, match=re.escape("takes inputs [[6, 3]], not one of windows [6, 4]")):
        OnnxEngine.open({WHOLE: exported(Blur(), WINDOWS)}, 6, 4)


def test_a_graph_reads_no_file_of_this_machine(tmp_path, monkeypatch):
    model = onnx.load_from_string(exported(Blur(), WINDOWS))
    onnx.external_data_helper.convert_model_to_external_data(model, location="weights.bin", size_threshold=0)
    onnx.save_model(model, tmp_path / "outside.onnx")
    assert (tmp_path / "weights.bin").exists()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="cannot be run"):
        OnnxEngine.open({WHOLE: (tmp_path / "outside.onnx").read_bytes()}, 6, 3)


def test_every_library_beyond_serving_has_an_extra_to_its_name():
    names = importlib.metadata.packages_distributions()
    for wanted in importlib.metadata.requires("reconwatch") or []:
        extra = re.search(r"extra == '(\w+)'", wanted)
        distribution = re.split(r"[\s<>=!;\[]", wanted)[0]
        if extra is None or extra[1] == "dev" or distribution == "reconwatch":
            continue
        modules = {name for name, owners in names.items() if distribution in owners and not name.startswith("_")}
        assert modules & EXTRAS.keys(), f"{distribution} of the extra {extra[1]} is in no line of EXTRAS"


@pytest.mark.parametrize(
    "backbone",
    [Conv1dBackbone(), Conv1dBackbone(depth=2, width=9), Conv1dBackbone(width=9, causal=True), DenseBackbone()],
)
@pytest.mark.parametrize("code_size", [16, None])
@pytest.mark.parametrize("steps", [64, 40, 19])
@pytest.mark.parametrize("rows", [1, 8, 13])
def test_the_newest_rows_alone_are_those_of_the_whole(backbone, code_size, steps, rows):
    windows = np.random.default_rng(1).normal(size=(128, steps, 3)).astype(np.float32)
    model = DeepConfig(code_size=code_size).build(Shape(steps, 3), backbone).eval()
    with torch.inference_mode():
        alone, whole = model.newest(rows), model(torch.from_numpy(windows))
        newest = alone(torch.from_numpy(windows[:, -alone.rows :]))
    torch.testing.assert_close(newest, whole[:, -rows:], rtol=0, atol=1e-6)
    engine = engine_of(model, windows, rows)
    assert engine.name == "onnxruntime"
    assert engine.sessions[NEWEST].get_outputs()[0].shape == ["batch", rows, 3]
    found = engine.newest(windows, rows)
    np.testing.assert_allclose(found, engine.run(windows)[:, -rows:], rtol=0, atol=1e-6)
    np.testing.assert_array_equal(engine.newest(windows[64:], rows), found[64:])
    np.testing.assert_array_equal(engine.newest(windows, rows + 1), engine.run(windows)[:, -rows - 1 :])
    again = OnnxEngine.open(engine.graphs, steps, 3)
    np.testing.assert_array_equal(again.newest(windows, rows), found)
    flat, end = in_rows(windows)
    along = again.along(flat, end, rows)
    assert (along is None) == (alone.hop is None), "what can share does"
    assert along is None or np.array_equal(along, found)


@pytest.mark.parametrize("width", [5, 16, 48])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("causal", [False, True])
def test_windows_that_overlap_get_the_same_bits_together_and_alone(width, activation, causal):
    backbone = Conv1dBackbone(width=width, activation=activation, causal=causal)
    model = DeepConfig(code_size=None).build(Shape(64, 8), backbone).eval()
    engine = engine_of(model, np.random.default_rng(1).normal(size=(64, 64, 8)).astype(np.float32), 8)
    assert engine.shares
    rows = np.random.default_rng(2).normal(size=(5000, 8)).astype(np.float32)
    # Stretches of every length, some not a step of the code apart.
    gaps = np.random.default_rng(3).choice([8, 8, 8, 8, 8, 8, 5, 16], 500)
    end = 64 + np.cumsum(gaps)
    alone = engine.newest(gathered(rows, end, 64), 8)
    np.testing.assert_array_equal(engine.along(rows, end, 8), alone)
    for cut in (1, 2, 9, 77):
        np.testing.assert_array_equal(engine.along(rows, end[:cut], 8), alone[:cut])
    assert engine.along(rows, end, 7) is None
    (recipe,) = fast().members
    member = Reconstruction(recipe, {}, engine, LogSum(np.linspace(0.5, 2, 8)))
    together, apart = member.along(rows, end), member.look(gathered(rows, end, 64), None)
    np.testing.assert_array_equal(together.values, apart.values)
    np.testing.assert_array_equal(together.terms, apart.terms)


@pytest.mark.parametrize("axis", ["rows", "27+8", "8n", "27+8n+1", 64, None])
def test_an_axis_of_another_name_is_no_stretch(axis):
    assert Overlap.of(axis) is None
    assert Overlap.of(Overlap(35, 8).axis) == Overlap(35, 8)


@pytest.mark.parametrize("overlap", [Overlap(65, 8), Overlap(4, 8), Overlap(35, 0)])
def test_stretches_that_fit_no_window_are_refused(overlap):
    model = DeepConfig(code_size=None).build(Shape(64, 3), Conv1dBackbone(width=16)).eval()
    windows = np.zeros((2, 64, 3), np.float32)
    graphs = {WHOLE: exported(model, windows), NEWEST: exported(model.newest(8), windows[:, -35:], overlap)}
    with pytest.raises(ValueError, match="the graph takes stretches of"):
        OnnxEngine.open(graphs, 64, 3)


def test_the_newest_rows_take_no_more_steps_than_they_need():
    model = DeepConfig(code_size=None).build(Shape(64, 3), Conv1dBackbone(width=16)).eval()
    newest = model.newest(8)
    assert (newest.rows, newest.hop) == (35, 8)
    products = [tuple(module.weight.shape) for module in newest.modules() if isinstance(module, Product)]
    assert products == [(4 * 16, 3 * 6), (6 * 16, 4 * 16), (8 * 3, 6 * 16)]


@pytest.mark.parametrize("rows", [None, 8])
@pytest.mark.parametrize("code_size", [16, None])
def test_graphs_compute_no_shapes(code_size, rows):
    windows = np.zeros((2, 64, 3), np.float32)
    model = DeepConfig(code_size=code_size).build(Shape(64, 3), Conv1dBackbone()).eval()
    if rows:
        model = model.newest(rows)
        windows, overlap = windows[:, -model.rows :], Overlap(model.rows, model.hop) if model.hop else None
    graph = onnx.load_from_string(exported(model, windows, overlap if rows else None)).graph
    assert {"Shape", "If", "Pad"}.isdisjoint(node.op_type for node in graph.node)


def test_the_runtime_reports_to_nobody(tmp_path):
    # What it would report waits in files, beside an identifier of the machine.
    alone = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", "import detector.engines.onnx"], env=alone, check=True)
    assert list(tmp_path.iterdir()) == []
