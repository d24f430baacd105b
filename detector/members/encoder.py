"""A variational encoder alone: what it learns with, and the learning; its decoder is thrown away."""

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from detector.engines.export import engine_of
from detector.errors import ConfigError
from detector.members.base import Member, Progress, Rows, spread
from detector.members.posterior import Coded, Posterior, PosteriorRecipe
from detector.models.backbones.dense import DenseBackbone
from detector.models.backbones.table import BackboneConfig
from detector.models.variants.beta_vae import BetaVaeConfig
from detector.models.variants.vae import MOST_LOG_SD, Vae, VaeConfig
from detector.scoring.logsum import LogSum
from detector.training.dataset import Windows
from detector.training.trainer import TrainerConfig, train

COMPARED = 64


class EncoderMember(Coded):
    """Distance of the posterior's code to normal codes, or its divergence from the prior.

    Paper: Kingma & Welling 2014, eq. 10 for the training; the score is that of Ramaswamy, Rastogi & Shim 2000 on the
    means and log deviations of q(z|x). The decoder serves the training only and is not kept.
    """

    variant: VaeConfig | BetaVaeConfig = Field(default_factory=VaeConfig, discriminator="kind")
    backbone: BackboneConfig = Field(default_factory=lambda: DenseBackbone(width=64))
    trainer: TrainerConfig = Field(default_factory=lambda: TrainerConfig(steps=1500))

    def shortened(self, window: int) -> "EncoderMember":
        """Returns the same member with a shorter window, for short data."""
        return self.model_copy(update={"window": window})

    def fit(self, runs: list[Rows], held_out: list[Rows], seed: int, progress: Progress) -> Member:
        """Trains encoder and decoder on ``runs``, keeps the encoder, and scales its error by ``held_out``.

        Raises:
            ConfigError: the encoder cannot be exported to the engine that serves it.
        """
        begins = np.cumsum([0] + [len(run) for run in runs[:-1]])
        rows = np.concatenate([run.values for run in runs])
        windows = Windows(rows, length=self.window, run_starts=begins, fill=runs[0].fill)
        trained = train(
            self.variant, self.backbone, windows, None, self.trainer, seed,
            lambda step, steps, _: progress(self.name, step / steps),
        )  # fmt: skip
        assert isinstance(trained.model, Vae)
        engine = engine_of(_Encoder(trained.model).eval(), spread(held_out, self.window, COMPARED))
        if not engine.graphs:
            raise ConfigError(f"the encoder {self.name!r} cannot be exported; take another backbone, such as dense.")
        recipe = PosteriorRecipe.model_validate(self.model_dump(mode="json"))
        none = np.empty(0, np.float32)
        bare = Posterior(recipe, engine, none, none, none, LogSum(np.ones(rows.shape[1])))
        fitted = bare.learnt(runs).scaled(held_out)
        progress(self.name, 1.0)
        return fitted


class _Encoder(nn.Module):
    """The first half of a variational autoencoder: [B, T, F] to means and log deviations, [B, 2 D]."""

    def __init__(self, model: Vae):
        super().__init__()
        self.encoder = model.encoder

    def forward(self, x: Tensor) -> Tensor:
        mu, log_sd = self.encoder(x).chunk(2, 1)
        return torch.cat([mu, log_sd.clamp(-MOST_LOG_SD, MOST_LOG_SD)], 1)
