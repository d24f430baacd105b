"""Networks by ONNX Runtime against the same networks by torch, one thread each, in one run.

python -m benchmarks.engines [--quick] [--golden]

Windows of 64 rows and eight channels, freshly initialised networks of the default sizes (speed does not depend on the
weights). ``1 window`` is a bare call; the daemon never runs fewer than 64. ``--golden`` trains every variant on every
backbone for a moment instead, and says how far graph and network are apart on the bundle's golden windows.
"""

import argparse
import os
from collections.abc import Callable
from time import thread_time

import numpy as np
import pandas as pd
import torch
from rich.console import Console
from rich.table import Table

from detector.api import fit
from detector.engines.base import WHOLE, Engine
from detector.engines.eager import TorchEngine
from detector.engines.export import difference, engine_of, exported
from detector.engines.onnx import OnnxEngine
from detector.members.presets import single
from detector.members.reconstruction import Reconstruction
from detector.members.table import DetectorConfig
from detector.models.backbones.base import Shape
from detector.models.backbones.conv1d import Conv1dBackbone
from detector.models.backbones.dense import DenseBackbone
from detector.models.backbones.lstm import LstmBackbone
from detector.models.backbones.table import BackboneConfig
from detector.models.initialise import initialise
from detector.models.variants.table import REGISTERED
from detector.training.allocator import keep_freed_memory
from detector.training.trainer import TrainerConfig
from detector.windows.gather import gathered, in_rows

WINDOWS = np.random.default_rng(0).normal(size=(1024, 64, 8)).astype(np.float32)
BACKBONES: tuple[BackboneConfig, ...] = (Conv1dBackbone(), DenseBackbone(), LstmBackbone())
SIZES = (1, 64, 1024)
NEWEST_ROWS = 8


def engines(variant: str, backbone: BackboneConfig) -> tuple[Engine, Engine]:
    """Returns one network by ONNX Runtime and by torch."""
    model = REGISTERED[variant].build(Shape(*WINDOWS.shape[1:]), backbone)
    initialise(model, torch.Generator().manual_seed(0))
    model.requires_grad_(False).eval()
    return OnnxEngine.open({WHOLE: exported(model, WINDOWS)}, *WINDOWS.shape[1:]), TorchEngine(model)


def seconds(run: Callable[[np.ndarray], object], windows: np.ndarray, least_s: float) -> float:
    """Median processor seconds of a call, of as many as fit into ``least_s``, at least three."""
    found: list[float] = []
    while len(found) < 3 or sum(found) < least_s:
        began = thread_time()
        run(windows)
        found.append(thread_time() - began)
    return float(np.median(found))


def row(variant: str, backbone: BackboneConfig, turns: int, least_s: float) -> list[str]:
    """Microseconds per window by ONNX Runtime, how many times slower torch is, and how far the two are apart."""
    both = engines(variant, backbone)
    cells = []
    for size in SIZES:
        turn = [[seconds(engine.run, WINDOWS[:size], least_s) / size for engine in both] for _ in range(turns + 1)][1:]
        ours, plain = np.median(turn, axis=0)
        cells.append(f"{1e6 * ours:,.1f} ({plain / ours:.1f}x)")
    return [f"{variant} on {backbone.kind}", *cells, f"{difference(*both, WINDOWS):.0e}"]


def alone(turns: int, least_s: float) -> str:
    """How much dearer the whole output and its newest rows are than the newest rows alone, convolutions."""
    model = REGISTERED["denoising"].build(Shape(*WINDOWS.shape[1:]), Conv1dBackbone())
    initialise(model, torch.Generator().manual_seed(0))
    engine = engine_of(model.requires_grad_(False).eval(), WINDOWS[:64], NEWEST_ROWS)
    found = []
    for _ in range(turns):
        whole = seconds(engine.run, WINDOWS, least_s)
        newest = seconds(lambda windows: engine.newest(windows, NEWEST_ROWS), WINDOWS, least_s)
        found.append((1e6 * newest / len(WINDOWS), (whole + newest) / newest))
    cost, ratio = np.median(found, axis=0)
    return f"newest {NEWEST_ROWS} rows alone: {cost:.1f} us a window; with the whole output as well: {ratio:.1f}x"


def together(turns: int, least_s: float) -> str:
    """What the network of the preset ``fast`` costs for windows that are 8 rows apart, in stretches and one by one."""
    model = REGISTERED["deep"].model_copy(update={"code_size": None})
    network = model.build(Shape(*WINDOWS.shape[1:]), Conv1dBackbone(width=16, activation="relu", causal=True))
    initialise(network, torch.Generator().manual_seed(0))
    engine = engine_of(network.requires_grad_(False).eval(), WINDOWS[:64], NEWEST_ROWS)
    rows, end = in_rows(WINDOWS)
    near = np.arange(WINDOWS.shape[1], len(rows), 8)[: len(end)]
    found = []
    for _ in range(turns):
        shared = seconds(lambda given: engine.along(given, near, NEWEST_ROWS), rows, least_s)
        alone = seconds(lambda given: engine.newest(gathered(given, near, 64), NEWEST_ROWS), rows, least_s)
        found.append((1e6 * shared / len(near), alone / shared))
    cost, ratio = np.median(found, axis=0)
    return f"windows 8 rows apart, width 16: {cost:.2f} us each in stretches; one by one {ratio:.1f}x"


def golden(variant: str, backbone: BackboneConfig) -> str:
    """How far the graph in a bundle is from its network, on the bundle's golden windows."""
    minutes = np.arange(900)
    noise = np.random.default_rng(0).normal(size=(900, 3))
    values = np.sin(minutes[:, None] / (9, 17, 31)) + 0.1 * noise
    frame = pd.DataFrame(values, columns=["a", "b", "c"]).assign(timestamp=60 * minutes)
    (member,) = single(REGISTERED[variant], backbone).members
    config = DetectorConfig(members=(member.model_copy(update={"trainer": TrainerConfig(steps=20)}),))
    bundle = fit(frame, config)
    (fitted,) = bundle.detector.members
    assert isinstance(fitted, Reconstruction)
    assert fitted.runs_on == OnnxEngine.name, f"{variant} on {backbone.kind} has no graph"
    return f"{difference(fitted.engine, TorchEngine(fitted.model), bundle.golden.windows):.0e}"


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="1 turn and the default autoencoder's variant only")
    parser.add_argument("--golden", action="store_true", help="differences of all variants instead of times")
    arguments = parser.parse_args()
    quick = arguments.quick
    keep_freed_memory()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    if arguments.golden:
        table = Table("greatest difference", *(backbone.kind for backbone in BACKBONES))
        for variant in REGISTERED:
            table.add_row(variant, *(golden(variant, backbone) for backbone in BACKBONES))
        Console(width=110).print(table)
        return
    effort = (1, 0.05) if quick else (5, 0.2)
    table = Table("microseconds per window (torch)", *(f"batch of {size:,}" for size in SIZES), "difference")
    for variant in ("denoising",) if quick else ("denoising", "vq_vae", "sparse_l1"):
        for backbone in BACKBONES:
            table.add_row(*row(variant, backbone, *effort))
    console = Console(width=110)
    console.print(table)
    console.print(alone(*effort))
    console.print(together(*effort))


if __name__ == "__main__":
    main()
