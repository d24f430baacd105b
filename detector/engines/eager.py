"""Runs a network with the library that trained it: for bundles without a graph."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import nn

from detector.types import Floats, Ints


@dataclass(frozen=True)
class TorchEngine:
    """A network in evaluation mode on the CPU."""

    network: nn.Module
    name: ClassVar[str] = "torch"

    @property
    def graphs(self) -> Mapping[str, bytes]:
        """None at all."""
        return {}

    def run(self, windows: Floats) -> Floats:
        """As in ``Engine``."""
        with torch.inference_mode():
            found: Floats = self.network(torch.from_numpy(np.ascontiguousarray(windows, np.float32))).numpy()
        return found

    def newest(self, windows: Floats, rows: int) -> Floats:
        """As in ``Engine``."""
        return self.run(windows)[:, -rows:]

    def along(self, rows: Floats, end: Ints, newest: int) -> Floats | None:
        """As in ``Engine``; it shares nothing."""
        del rows, end, newest
        return None
