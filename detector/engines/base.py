"""What runs a trained network: windows in, what the network expects in their place out."""

from collections.abc import Mapping
from typing import ClassVar, Protocol

from detector.types import Floats, Ints

WHOLE, NEWEST = "graph", "graph-newest"
"""Names of the graphs of an engine: one gives the whole output, one its newest rows alone."""


class Engine(Protocol):
    """A network, ready to run.

    Attributes:
        name: of the library that runs it, as a bundle tells it.
    """

    name: ClassVar[str]

    @property
    def graphs(self) -> Mapping[str, bytes]:
        """The network as ONNX files, by ``WHOLE`` and ``NEWEST``; none where it needs the library that trained it."""
        ...

    def run(self, windows: Floats) -> Floats:
        """Returns the output of the network for windows [B, T, F]; the same bits in any batch of whole blocks."""
        ...

    def newest(self, windows: Floats, rows: int) -> Floats:
        """Returns the newest rows of that output alone, [B, rows, F]; cheaper where the network can."""
        ...

    def along(self, rows: Floats, end: Ints, newest: int) -> Floats | None:
        """Returns what ``newest`` does, bit for bit, for windows that lie in one array of rows.

        Args:
            rows: [M, F].
            end: [B] the row after each window.
            newest: how many rows are asked for.

        Returns:
            [B, newest, F], or None where the network cannot share the work for windows that overlap.
        """
        ...
