"""Early stopping: the weights that did best on held-out windows, and when to give up on better ones."""

import math

import torch
from torch import Tensor

from detector.models.base import Autoencoder, Batch
from detector.training.dataset import Windows

_MOST_WINDOWS = 512


class HeldOut:
    """Looks at held-out windows now and then and remembers the best weights.

    Args:
        model: looked at.
        windows: held out; None or none of them keeps the last weights.
        device: where the model is.
        patience: looks without improvement after which to stop, None never stops.
    """

    def __init__(self, model: Autoencoder, windows: Windows | None, device: torch.device, patience: int | None):
        self._model = model
        self._patience = patience
        self._best = math.inf
        self._best_step = 0
        self._weights: dict[str, Tensor] = {}
        self._since = 0
        self.losses: list[float] = []
        self.batch: Batch | None = None
        if windows is not None and len(windows):
            batch = windows.gather(windows.spread(_MOST_WINDOWS))
            self.batch = Batch(batch.x.to(device), batch.observed.to(device))

    @torch.no_grad()
    def look(self, step: int, settled: bool) -> bool:
        """Compares the weights of now with the best ones.

        Args:
            step: number of the step just done.
            settled: False where the loss of now does not count yet.

        Returns:
            True where training should stop.
        """
        if self.batch is None:
            return False
        self._model.eval()
        loss = self._model.held_out(self.batch).mean().item()
        self._model.train()
        self.losses.append(loss)
        if not settled:
            return False
        if loss < self._best:
            self._best, self._best_step, self._since = loss, step, 0
            self._weights = {name: tensor.clone() for name, tensor in self._model.state_dict().items()}
        else:
            self._since += 1
        return self._patience is not None and self._since >= self._patience

    @torch.no_grad()
    def error(self) -> float:
        """Returns the mean squared error of the reconstruction, over observed elements; there must be a batch."""
        assert self.batch is not None
        self._model.eval()
        x = self.batch.x[..., : self._model.shape.channels]
        squared = (x - self._model.reconstruct(self.batch.x)).square() * self.batch.observed
        self._model.train()
        return float(squared.sum() / self.batch.observed.sum())

    def restore(self, step: int) -> int:
        """Puts the best weights back and returns their step; ``step``, the last one, where none were kept."""
        if not self._weights:
            return step
        self._model.load_state_dict(self._weights)
        return self._best_step
