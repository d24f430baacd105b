"""The entries of a discrete code and how they stay in use."""

import torch
import torch.nn.functional as fn
from torch import Tensor, nn

_DECAY = 0.95
_DEAD = 0.02


class Codebook(nn.Module):
    """K entries of D values; an entry that nothing picks for long moves to where codes are.

    Args:
        count: K.
        size: D.
        moving_average: entries follow the mean of their codes; otherwise a gradient moves them.
    """

    entries: Tensor
    use: Tensor
    total: Tensor

    def __init__(self, count: int, size: int, moving_average: bool):
        super().__init__()
        self.moving_average = moving_average
        entries = torch.zeros(count, size)
        if moving_average:
            self.register_buffer("entries", entries)
        else:
            self.entries = nn.Parameter(entries)
        self.register_buffer("use", torch.ones(count))
        self.register_buffer("total", torch.zeros(count, size))

    def initialise(self, generator: torch.Generator) -> None:
        """Draws entries around 0."""
        nn.init.normal_(self.entries, generator=generator)
        self.total.copy_(self.entries)

    def nearest(self, codes: Tensor) -> Tensor:
        """Returns the number of the nearest entry of codes [..., D], [...]."""
        entries = self.entries.detach()
        distance = entries.square().sum(1) - 2 * codes.detach() @ entries.T
        return distance.argmin(-1)

    @torch.no_grad()
    def spread(self, codes: Tensor) -> None:
        """Puts the entries on evenly spread codes [N, D]."""
        picks = torch.linspace(0, len(codes) - 1, len(self.entries), device=codes.device).round().long()
        self._move(torch.arange(len(self.entries), device=codes.device), codes[picks])

    @torch.no_grad()
    def follow(self, codes: Tensor, picked: Tensor, generator: torch.Generator) -> None:
        """Counts what was picked, moves averages if they are used, and revives dead entries on random codes.

        Args:
            codes: [N, D] of one batch.
            picked: [N] number of the nearest entry of each.
            generator: chooses the codes.
        """
        hit = fn.one_hot(picked, len(self.entries)).to(codes.dtype)
        self.use.lerp_(hit.sum(0), 1 - _DECAY)
        self.total.lerp_(hit.T @ codes, 1 - _DECAY)
        if self.moving_average:
            self.entries.copy_(self.total / self.use.clamp_min(1e-6)[:, None])
        dead = (self.use < _DEAD).nonzero().squeeze(1)
        if len(dead):
            chosen = torch.randint(len(codes), (len(dead),), generator=generator, device=codes.device)
            self._move(dead, codes[chosen])

    def _move(self, which: Tensor, to: Tensor) -> None:
        self.entries[which] = to
        self.total[which] = to
        self.use[which] = 1.0
