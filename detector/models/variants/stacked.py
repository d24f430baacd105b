"""An autoencoder trained layer by layer from the outside in, then as a whole."""

from collections.abc import Iterator
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from detector.models.backbones.base import Backbone, Decoder, Encoder, Shape
from detector.models.base import Autoencoder, Batch, Progress, Terms, Variant


class Stacked(Autoencoder):
    """Stage i learns to undo layer i of the encoder, on what the finished layers before it make of the window.

    The innermost stage learns the last layer together with the code.
    """

    encoder: Encoder
    decoder: Decoder

    def __init__(self, config: "StackedConfig", shape: Shape, backbone: Backbone):
        super().__init__(config, shape, backbone)
        self.settled_ratio = config.pretraining_ratio
        self.stages = len(self.encoder.layers)

    def groups(self) -> dict[str, list[nn.Parameter]]:
        """All, and one group per stage."""
        groups = {"model": list(self.parameters())}
        for stage in range(self.stages):
            groups[f"stage_{stage + 1}"] = [p for part in self._parts(stage) for p in part.parameters()]
        return groups

    def objectives(self, batch: Batch, progress: Progress) -> Iterator[tuple[str, Terms]]:
        """As in ``Autoencoder``."""
        if progress.ratio >= self.settled_ratio:
            yield from super().objectives(batch, progress)
            return
        stage = int(progress.ratio / self.settled_ratio * self.stages)
        name = f"stage_{stage + 1}"
        with torch.no_grad():
            target = self.hidden(batch.x, stage)
        rebuilt = target
        for part in self._parts(stage):
            rebuilt = part(rebuilt)
        # The outermost stage rebuilds the window itself, with its mask and its loss.
        loss = self.reconstruction(batch, rebuilt) if stage == 0 else (rebuilt - target).square().flatten(1).sum(1)
        yield name, {name: loss}

    def _parts(self, stage: int) -> list[nn.Module]:
        """Modules of a stage in the order of their work."""
        down, up = self.encoder.layers[stage], self.decoder.layers[-1 - stage]
        return [down, self.encoder.head, self.decoder.stem, up] if stage == self.stages - 1 else [down, up]

    def hidden(self, x: Tensor, stage: int) -> Tensor:
        """Returns what the first ``stage`` layers make of windows."""
        for layer in self.encoder.layers[:stage]:
            x = layer(x)
        return x


class StackedConfig(Variant):
    """Greedy training layer by layer, then of the whole; at least two layers.

    Paper: Bengio, Lamblin, Popovici & Larochelle 2007, section 2.3.
    """

    kind: Literal["stacked"] = "stacked"
    pretraining_ratio: float = Field(
        default=0.5, gt=0, lt=1, description="Share of the steps for the layers one by one, divided equally"
    )

    def build(self, shape: Shape, backbone: Backbone) -> Stacked:
        """As in ``Variant``."""
        return Stacked(self, shape, backbone.model_copy(update={"depth": max(backbone.depth, 2)}))
