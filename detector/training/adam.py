"""Adam without the compiler: creating torch's own optimisers imports all of its compiler, seconds of every start."""

import torch
from torch import Tensor, nn

_FIRST_DECAY, _SECOND_DECAY, _FLOOR = 0.9, 0.999, 1e-8


class Adam:
    """Steps of adaptive moments for one group of parameters.

    Paper: Kingma & Ba 2015, algorithm 1.

    Args:
        parameters: stepped in place; one without a gradient is left alone.
    """

    def __init__(self, parameters: list[nn.Parameter]):
        self._parameters = parameters
        self._first = [torch.zeros_like(p) for p in parameters]
        self._second = [torch.zeros_like(p) for p in parameters]
        self._steps = 0

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Moves every parameter against its gradient, by about ``rate``."""
        self._steps += 1
        moving = [i for i, p in enumerate(self._parameters) if p.grad is not None]
        gradients: list[Tensor] = [self._parameters[i].grad for i in moving]  # type: ignore[misc]
        first, second = [self._first[i] for i in moving], [self._second[i] for i in moving]
        torch._foreach_lerp_(first, gradients, 1 - _FIRST_DECAY)
        torch._foreach_mul_(second, _SECOND_DECAY)
        torch._foreach_addcmul_(second, gradients, gradients, 1 - _SECOND_DECAY)
        scale = torch._foreach_sqrt(second)
        torch._foreach_div_(scale, (1 - _SECOND_DECAY**self._steps) ** 0.5)
        torch._foreach_add_(scale, _FLOOR)
        torch._foreach_addcdiv_(
            [self._parameters[i] for i in moving], first, scale, -rate / (1 - _FIRST_DECAY**self._steps)
        )
