"""Runs a network with ONNX Runtime: what serves needs no library that trains."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import onnxruntime

from detector.engines.base import NEWEST, WHOLE
from detector.types import Floats

_FATAL_ONLY = 4
_NOWHERE = "/nonexistent"


@dataclass(frozen=True)
class OnnxEngine:
    """Graphs of one input [B, T, F] float32 and one output, on one thread.

    What gives only the newest rows is a graph of its own: the runtime computes all that a graph has, asked for or not.

    Attributes:
        graphs: the ONNX files, by ``WHOLE`` and, where newest rows are asked for, ``NEWEST``.
        sessions: that run them.
    """

    graphs: Mapping[str, bytes]
    sessions: Mapping[str, onnxruntime.InferenceSession]
    name: ClassVar[str] = "onnxruntime"

    @classmethod
    def open(cls, graphs: Mapping[str, bytes], steps: int, channels: int) -> Self:
        """Prepares graphs for windows of ``steps`` rows and ``channels`` columns.

        Raises:
            ValueError: one is no graph that can be run here, or takes other windows; there is none of the whole.
        """
        if WHOLE not in graphs:
            raise ValueError("the graph of the whole output is missing")
        return cls(graphs, {name: _session(graph, [steps, channels]) for name, graph in graphs.items()})

    def run(self, windows: Floats) -> Floats:
        """As in ``Engine``."""
        return _found(self.sessions[WHOLE], windows)

    def newest(self, windows: Floats, rows: int) -> Floats:
        """As in ``Engine``; quick where there is a graph for so many rows."""
        alone = self.sessions.get(NEWEST)
        if alone and alone.get_outputs()[0].shape[1] == rows:
            return _found(alone, windows)
        return self.run(windows)[:, -rows:]


def of_tensors(tensors: Mapping[str, Floats]) -> dict[str, bytes]:
    """Returns the graphs among the tensors of a member."""
    return {name: tensors[name].tobytes() for name in (WHOLE, NEWEST) if name in tensors}


def as_tensors(graphs: Mapping[str, bytes]) -> dict[str, Floats]:
    """Returns graphs as tensors of their bytes."""
    return {name: np.frombuffer(graph, np.uint8) for name, graph in graphs.items()}


def _session(graph: bytes, wanted: list[int]) -> onnxruntime.InferenceSession:
    try:
        session = onnxruntime.InferenceSession(graph, _options(), providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime's own errors have no base of their own
        raise ValueError(f"the graph cannot be run by onnxruntime {onnxruntime.__version__}: {error}") from error
    taken = [entry.shape[1:] for entry in session.get_inputs()]
    if taken != [wanted] or len(session.get_outputs()) != 1:
        raise ValueError(f"the graph takes inputs {taken}, not one of windows {wanted}")
    return session


def _found(session: onnxruntime.InferenceSession, windows: Floats) -> Floats:
    (taken,), (given,) = session.get_inputs(), session.get_outputs()
    found: Floats = session.run([given.name], {taken.name: np.ascontiguousarray(windows, np.float32)})[0]
    return found


def _options() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    # Sums come out in one order, and several daemons may share the machine.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = _FATAL_ONLY
    # A graph holds its own weights; one that names files of this machine finds none.
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", _NOWHERE)
    return options
