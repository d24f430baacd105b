"""Networks by ONNX Runtime against the same networks by torch, one thread each, in one run.

python -m benchmarks.engines [--quick]

Windows of 64 rows and eight channels, freshly initialised networks of the default sizes (speed does not depend on the
weights). ``1 window`` is a bare call; the daemon never runs fewer than 64.
"""

import argparse
import os
from time import thread_time

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from detector.engines.base import Engine
from detector.engines.eager import TorchEngine
from detector.engines.export import difference, exported
from detector.engines.onnx import OnnxEngine
from detector.models.backbones.base import Backbone, Shape
from detector.models.backbones.conv1d import Conv1dBackbone
from detector.models.backbones.dense import DenseBackbone
from detector.models.backbones.lstm import LstmBackbone
from detector.models.initialise import initialise
from detector.models.variants.table import REGISTERED
from detector.training.allocator import keep_freed_memory

WINDOWS = np.random.default_rng(0).normal(size=(1024, 64, 8)).astype(np.float32)
BACKBONES: tuple[Backbone, ...] = (Conv1dBackbone(), DenseBackbone(), LstmBackbone())
SIZES = (1, 64, 1024)


def engines(variant: str, backbone: Backbone) -> tuple[Engine, Engine]:
    """Returns one network by ONNX Runtime and by torch."""
    model = REGISTERED[variant].build(Shape(*WINDOWS.shape[1:]), backbone)
    initialise(model, torch.Generator().manual_seed(0))
    model.requires_grad_(False).eval()
    return OnnxEngine.open(exported(model, WINDOWS), *WINDOWS.shape[1:]), TorchEngine(model)


def seconds(engine: Engine, windows: np.ndarray, least_s: float) -> float:
    """Median processor seconds of a call, of as many as fit into ``least_s``, at least three."""
    found: list[float] = []
    while len(found) < 3 or sum(found) < least_s:
        began = thread_time()
        engine.run(windows)
        found.append(thread_time() - began)
    return float(np.median(found))


def row(variant: str, backbone: Backbone, turns: int, least_s: float) -> list[str]:
    """Microseconds per window by ONNX Runtime, how many times slower torch is, and how far the two are apart."""
    both = engines(variant, backbone)
    cells = []
    for size in SIZES:
        turn = [[seconds(engine, WINDOWS[:size], least_s) / size for engine in both] for _ in range(turns + 1)][1:]
        ours, plain = np.median(turn, axis=0)
        cells.append(f"{1e6 * ours:,.1f} ({plain / ours:.1f}x)")
    return [f"{variant} on {backbone.kind}", *cells, f"{difference(*both, WINDOWS):.0e}"]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="1 turn and the default autoencoder's variant only")
    quick = parser.parse_args().quick
    keep_freed_memory()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    table = Table("microseconds per window (torch)", *(f"batch of {size:,}" for size in SIZES), "difference")
    for variant in ("denoising",) if quick else ("denoising", "vq_vae", "sparse_l1"):
        for backbone in BACKBONES:
            table.add_row(*row(variant, backbone, *((1, 0.05) if quick else (5, 0.2))))
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
