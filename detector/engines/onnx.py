"""Runs a network with ONNX Runtime: what serves needs no library that trains."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import onnxruntime

from detector.types import Floats

_FATAL_ONLY = 4
_NOWHERE = "/nonexistent"


@dataclass(frozen=True)
class OnnxEngine:
    """A graph of one input [B, T, F] float32, on one thread; a second output is the newest rows of the first.

    Attributes:
        graph: the ONNX file.
        session: that runs it.
    """

    graph: bytes
    session: onnxruntime.InferenceSession
    name: ClassVar[str] = "onnxruntime"

    @classmethod
    def open(cls, graph: bytes, steps: int, channels: int) -> Self:
        """Prepares a graph for windows of ``steps`` rows and ``channels`` columns.

        Raises:
            ValueError: it is no graph that can be run here, or takes other windows.
        """
        try:
            session = onnxruntime.InferenceSession(graph, _options(), providers=["CPUExecutionProvider"])
        except Exception as error:  # the runtime's own errors have no base of their own
            raise ValueError(f"the graph cannot be run by onnxruntime {onnxruntime.__version__}: {error}") from error
        taken = [entry.shape[1:] for entry in session.get_inputs()]
        if taken != [[steps, channels]] or len(session.get_outputs()) not in (1, 2):
            raise ValueError(f"the graph takes inputs {taken}, not one of windows [{steps}, {channels}]")
        return cls(graph, session)

    def run(self, windows: Floats) -> Floats:
        """As in ``Engine``."""
        return self._found(windows, 0)

    def newest(self, windows: Floats, rows: int) -> Floats:
        """As in ``Engine``; quick where the graph gives so many rows."""
        given = self.session.get_outputs()[1:]
        if given and given[0].shape[1] == rows:
            return self._found(windows, 1)
        return self.run(windows)[:, -rows:]

    def _found(self, windows: Floats, output: int) -> Floats:
        """Computes one output, and nothing that only the other needs."""
        options = onnxruntime.RunOptions()
        options.only_execute_path_to_fetches = True
        taken, given = self.session.get_inputs()[0].name, self.session.get_outputs()[output].name
        found: Floats = self.session.run([given], {taken: np.ascontiguousarray(windows, np.float32)}, options)[0]
        return found


def _options() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    # Sums come out in one order, and several daemons may share the machine.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = _FATAL_ONLY
    # A graph holds its own weights; one that names files of this machine finds none.
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", _NOWHERE)
    return options
