"""From a trained network to a graph that serves without the library that trained it."""

import tempfile
import warnings
from pathlib import Path
from typing import Protocol, cast

import numpy as np
import torch
from torch import nn

from detector.engines.base import NEWEST, WHOLE, Engine
from detector.engines.eager import TorchEngine
from detector.engines.onnx import OnnxEngine
from detector.engines.stretches import Overlap
from detector.types import Floats

OPSET = 17
TOLERANCE = 1e-5
"""Most that a graph may be off from its network, relative to the largest value (at least 1) of the output."""


class Alone(Protocol):
    """The newest rows alone of what a network gives.

    Attributes:
        rows: of a window that it takes, its newest.
        hop: rows from one window to the next where it takes stretches of windows too; None if it does not.
    """

    rows: int
    hop: int | None


class Judging(Protocol):
    """A network that can be had for the newest rows of its output alone."""

    def newest(self, rows: int) -> Alone:
        """Returns a module that gives [B, rows, F]."""
        ...


def engine_of(network: nn.Module, windows: Floats, rows: int | None = None) -> Engine:
    """Returns the engine that a trained network is served with from now on.

    Args:
        network: in evaluation mode on the CPU; takes one tensor and returns one, both with the batch first.
        windows: [B, T, F], on which graph and network must agree.
        rows: newest rows of the output that are asked for alone; the network has ``newest`` then.

    Returns:
        Its graphs in ONNX Runtime; the network itself where it cannot be exported or a graph is off by more than
        ``TOLERANCE``.
    """
    eager = TorchEngine(network)
    try:
        graphs = {WHOLE: exported(network, windows)}
        if rows is not None:
            alone = cast(Judging, network).newest(rows)
            overlap = Overlap(alone.rows, alone.hop) if alone.hop else None
            graphs[NEWEST] = exported(cast(nn.Module, alone), windows[:, -alone.rows :], overlap)
        engine = OnnxEngine.open(graphs, *windows.shape[1:])
        same = max(difference(engine, eager, windows, asked) for asked in {None, rows}) <= TOLERANCE
    except Exception:  # noqa: BLE001 - whatever exporter and runtime have against it, the network itself still runs
        return eager
    return engine if same else eager


def exported(network: nn.Module, windows: Floats, overlap: Overlap | None = None) -> bytes:
    """Returns the ONNX file of a network for any number of windows like these, [B, T, F].

    Args:
        network: in evaluation mode on the CPU.
        windows: to trace it with.
        overlap: of a network that takes stretches of windows.

    Raises:
        RuntimeError: the network does what the format cannot say.
    """
    axes = {name: {0: "batch"} for name in ("windows", "expected")}
    if overlap:
        axes["windows"][1] = overlap.axis
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        file = Path(folder, "engine.onnx")
        # The exporter that traces is called old; the new one takes seconds for what this does in a tenth (ADR 11).
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (torch.from_numpy(np.ascontiguousarray(windows[:2], np.float32)),),
            file,
            input_names=["windows"],
            output_names=["expected"],
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )
        return file.read_bytes()


def difference(one: Engine, other: Engine, windows: Floats, rows: int | None = None) -> float:
    """Returns how far two engines are apart on windows, relative to the largest value (at least 1) of the second.

    Args:
        one: to be judged.
        other: to go by.
        windows: [B, T, F].
        rows: compare what they give as the newest rows; None compares the whole.
    """
    left, right = (at.run(windows) if rows is None else at.newest(windows, rows) for at in (one, other))
    return float(np.abs(left - right).max() / max(1.0, float(np.abs(right).max())))
