"""First weights from a generator of our own: building a model must not hang on anyone's global state."""

import math
from typing import Protocol, runtime_checkable

import torch
from torch import nn


@runtime_checkable
class Initialised(Protocol):
    """A module that draws its own first weights."""

    def initialise(self, generator: torch.Generator) -> None:
        """Draws the weights that belong to the module itself, not those of its parts."""
        ...


def initialise(model: nn.Module, generator: torch.Generator) -> None:
    """Draws all weights uniformly within one over the root of the inputs.

    Paper: LeCun, Bottou, Orr & Müller 1998, section 4.6; gates of an LSTM by the size of their state. Forget
    gates start open: Gers, Schmidhuber & Cummins 2000, section 4.

    Args:
        model: on the generator's device.
        generator: the only source of randomness.
    """
    for module in model.modules():
        if isinstance(module, nn.Linear):
            _uniform(list(module.parameters()), module.in_features, generator)
        elif isinstance(module, nn.LSTM):
            _uniform(list(module.parameters()), module.hidden_size, generator)
            _open_forget_gates(module)
        elif isinstance(module, Initialised):
            module.initialise(generator)


@torch.no_grad()
def _open_forget_gates(module: nn.LSTM) -> None:
    """Lets a fresh LSTM remember: without it hardly any gradient reaches the oldest step."""
    size = module.hidden_size
    for name, parameter in module.named_parameters():
        if name.startswith("bias_ih"):
            parameter[size : 2 * size] = 1.0


def _uniform(parameters: list[nn.Parameter], inputs: int, generator: torch.Generator) -> None:
    bound = 1 / math.sqrt(inputs)
    for parameter in parameters:
        nn.init.uniform_(parameter, -bound, bound, generator=generator)
