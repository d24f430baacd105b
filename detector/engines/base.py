"""What runs a trained network: windows in, what the network expects in their place out."""

from typing import ClassVar, Protocol

from detector.types import Floats


class Engine(Protocol):
    """A network, ready to run.

    Attributes:
        name: of the library that runs it, as a bundle tells it.
    """

    name: ClassVar[str]

    @property
    def graph(self) -> bytes | None:
        """The network as an ONNX file, None where it has none and needs the library that trained it."""
        ...

    def run(self, windows: Floats) -> Floats:
        """Returns the output of the network for windows [B, T, F]; the same bits in any batch of whole blocks."""
        ...

    def newest(self, windows: Floats, rows: int) -> Floats:
        """Returns the newest rows of that output alone, [B, rows, F]; cheaper where the network can."""
        ...
