"""Runs a network with ONNX Runtime: what serves needs no library that trains."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Self

import numpy as np
import onnxruntime

from detector.engines.base import NEWEST, WHOLE
from detector.engines.stretches import SIZES, Overlap, along
from detector.types import Floats, Ints

_FATAL_ONLY = 4
_NOWHERE = "/nonexistent"


@dataclass(frozen=True)
class OnnxEngine:
    """Graphs of one input [B, T, F] float32 and one output, on one thread.

    What gives only the newest rows is a graph of its own: the runtime computes all that a graph has, asked for or not.
    It may take stretches of windows that overlap.

    Attributes:
        graphs: the ONNX files, by ``WHOLE`` and, where newest rows are asked for, ``NEWEST``.
        sessions: that run them.
        overlap: of the stretches that the second graph takes, None if it takes whole windows.
        shares: whether it gives the same bits for windows in a stretch as for each alone.
    """

    graphs: Mapping[str, bytes]
    sessions: Mapping[str, onnxruntime.InferenceSession]
    overlap: Overlap | None
    shares: bool
    name: ClassVar[str] = "onnxruntime"

    @classmethod
    def open(cls, graphs: Mapping[str, bytes], steps: int, channels: int) -> Self:
        """Prepares graphs for windows of ``steps`` rows and ``channels`` columns.

        Raises:
            ValueError: one is no graph that can be run here, or takes other windows; there is none of the whole.
        """
        if WHOLE not in graphs:
            raise ValueError("the graph of the whole output is missing")
        sessions = {name: _session(graph) for name, graph in graphs.items()}
        taken = {name: [entry.shape[1:] for entry in session.get_inputs()] for name, session in sessions.items()}
        overlap = Overlap.of(taken[NEWEST][0][0]) if NEWEST in taken and taken[NEWEST] and taken[NEWEST][0] else None
        lengths = {WHOLE: steps, NEWEST: overlap.axis if overlap else steps}
        for name, session in sessions.items():
            wanted = [lengths[name], channels]
            if taken[name] != [wanted] or len(session.get_outputs()) != 1:
                raise ValueError(f"the graph takes inputs {taken[name]}, not one of windows {wanted}")
        if overlap and not 0 < overlap.hop <= overlap.rows <= steps:
            raise ValueError(f"the graph takes stretches of {overlap.rows} rows and more, not of windows of {steps}")
        shares = overlap is not None and _same(sessions[NEWEST], overlap, channels)
        return cls(graphs, sessions, overlap, shares)

    def run(self, windows: Floats) -> Floats:
        """As in ``Engine``."""
        return _found(self.sessions[WHOLE], windows)

    def newest(self, windows: Floats, rows: int) -> Floats:
        """As in ``Engine``; quick where there is a graph for so many rows."""
        if not self._gives(rows):
            return self.run(windows)[:, -rows:]
        return _found(self.sessions[NEWEST], windows[:, -self.overlap.rows :] if self.overlap else windows)

    def along(self, rows: Floats, end: Ints, newest: int) -> Floats | None:
        """As in ``Engine``."""
        if not self.overlap or not self.shares or not self._gives(newest):
            return None
        return along(partial(_found, self.sessions[NEWEST]), self.overlap, rows, end)

    def _gives(self, rows: int) -> bool:
        alone = self.sessions.get(NEWEST)
        return alone is not None and alone.get_outputs()[0].shape[1] == rows


def of_tensors(tensors: Mapping[str, Floats]) -> dict[str, bytes]:
    """Returns the graphs among the tensors of a member."""
    return {name: tensors[name].tobytes() for name in (WHOLE, NEWEST) if name in tensors}


def as_tensors(graphs: Mapping[str, bytes]) -> dict[str, Floats]:
    """Returns graphs as tensors of their bytes."""
    return {name: np.frombuffer(graph, np.uint8) for name, graph in graphs.items()}


def _session(graph: bytes) -> onnxruntime.InferenceSession:
    try:
        return onnxruntime.InferenceSession(graph, _options(), providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime's own errors have no base of their own
        raise ValueError(f"the graph cannot be run by onnxruntime {onnxruntime.__version__}: {error}") from error


def _same(session: onnxruntime.InferenceSession, overlap: Overlap, channels: int) -> bool:
    """Tells whether a graph gives the same bits for windows in stretches as for each alone, on this processor."""
    most = SIZES[0]
    rows = np.random.default_rng(0).normal(size=(4 * overlap.rows + 20 * most * overlap.hop, channels))
    rows = rows.astype(np.float32)
    end = np.arange(overlap.rows, len(rows) + 1, overlap.hop)
    run = partial(_found, session)
    apart, counts = along(run, overlap._replace(hop=-1), rows, end), (len(end), *range(most, 0, -1))
    return all(np.array_equal(along(run, overlap, rows, end[:count]), apart[:count]) for count in counts)


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
