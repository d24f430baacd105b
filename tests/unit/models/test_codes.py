"""What each variant with a penalised, random or discrete code promises."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from detector.models.backbones.dense import DenseBackbone
from detector.models.generative import Generative
from detector.models.mixture import fit_mixture
from detector.models.mmd import mmd
from detector.models.variants.adversarial import AdversarialConfig
from detector.models.variants.beta_vae import BetaVaeConfig
from detector.models.variants.conditional_vae import ConditionalVaeConfig
from detector.models.variants.deep import DeepConfig
from detector.models.variants.rae import RaeConfig
from detector.models.variants.sparse_kl import SparseKlConfig
from detector.models.variants.sparse_l1 import SparseL1Config
from detector.models.variants.vae import VaeConfig, kl_to_standard_normal
from detector.models.variants.vq_vae import VqVaeConfig
from detector.models.variants.wae_mmd import WaeMmdConfig
from detector.training.trainer import TrainerConfig, train


def two_sample_p(codes: torch.Tensor, permutations: int = 100) -> float:
    """Permutation test of codes against the prior."""
    generator = torch.Generator().manual_seed(0)
    both = torch.cat([codes, torch.randn(codes.shape, generator=generator)])
    half = len(codes)
    found = mmd(both[:half], both[half:]).item()
    at_least = 0
    for _ in range(permutations):
        shuffled = both[torch.randperm(2 * half, generator=generator)]
        at_least += mmd(shuffled[:half], shuffled[half:]).item() >= found
    return (at_least + 1) / (permutations + 1)


@pytest.fixture(scope="module")
def distance_to_real(waves) -> Callable[[torch.Tensor], float]:
    """Mean distance of windows to their nearest training window."""
    real = torch.from_numpy(waves(1500, seed=0)).flatten(1)
    return lambda windows: torch.cdist(windows.flatten(1), real).min(1).values.mean().item()


def test_sparse_kl_reaches_its_rate(fit):
    assert fit(SparseKlConfig()).diagnostics["mean_activation"] == pytest.approx(0.25, abs=0.05)
    assert fit(SparseKlConfig(rate=0.1, beta=3)).diagnostics["mean_activation"] == pytest.approx(0.1, abs=0.05)


def test_sparse_l1_is_overcomplete_and_leaves_units_off(fit, held_out):
    light, heavy = fit(SparseL1Config()), fit(SparseL1Config(weight=0.3))
    assert light.model.code_size > held_out[0].numel()
    assert 0 < light.diagnostics["inactive_ratio"] < heavy.diagnostics["inactive_ratio"] < 1


def test_divergence_equals_that_of_torch():
    mu, log_sd = torch.randn(2, 50, 7, generator=torch.Generator().manual_seed(0))
    expected = kl_divergence(Normal(mu, log_sd.exp()), Normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(kl_to_standard_normal(mu, log_sd), expected)


def test_vae_scores_by_the_mean_without_noise_even_in_training_mode(fit, held_out):
    model = fit(VaeConfig(code_size=4)).model
    model.train()
    once, twice = model.reconstruct(held_out), model.reconstruct(held_out)
    model.eval()
    assert torch.equal(once, twice)
    assert torch.equal(once, model.decode(model.posterior(held_out)[0]))


def test_divergence_falls_as_beta_rises_and_does_not_vanish(fit, error):
    found = [fit(BetaVaeConfig(code_size=4, beta=beta)) for beta in (0.5, 1, 2)]
    divergences = [trained.diagnostics["kl"] for trained in found]
    assert divergences[0] > divergences[1] > divergences[2] > 1
    assert fit(VaeConfig(code_size=4)).diagnostics["kl"] == divergences[1]
    assert error(found[0].model) < error(found[2].model)


def test_conditional_vae_notices_a_wrong_condition(waves, as_windows):
    x = waves(800, seed=0)
    night = np.random.default_rng(0).integers(0, 2, len(x)).astype(np.float32)
    x += 2 * night[:, None, None]
    conditions = np.repeat(night, x.shape[1])[:, None]
    windows = as_windows(x, conditions=conditions)
    config = TrainerConfig(steps=300, learning_rate=5e-3)
    model = train(ConditionalVaeConfig(code_size=3), DenseBackbone(width=64), windows, None, config, seed=0).model
    right = windows.gather(np.arange(200)).x
    wrong = right.clone()
    wrong[..., 2] = 1 - wrong[..., 2]
    target = right[..., :2]
    errors = [(model.reconstruct(seen) - target).square().sum((1, 2)).mean().item() for seen in (right, wrong)]
    assert errors[1] > 2 * errors[0]
    generator = torch.Generator().manual_seed(0)
    levels = [model.sample(100, generator, torch.full((100, 1), c)).mean().item() for c in (0.0, 1.0)]
    assert levels[1] - levels[0] == pytest.approx(2, abs=0.6)


@pytest.mark.parametrize("moving_average", [False, True])
def test_vq_vae_uses_its_codebook_and_reports_bits(fit, error, held_out, moving_average):
    found = fit(VqVaeConfig(moving_average=moving_average))
    report = found.diagnostics
    assert report["perplexity"] > 8
    assert report["bits_per_window"] == pytest.approx(8 * math.log2(64))
    assert report["entropy_bits_per_window"] == pytest.approx(8 * math.log2(report["perplexity"]), rel=1e-4)
    codes = found.model.encode(held_out).unflatten(1, (8, -1))
    entries = found.model.codebook.entries
    assert all((entries == code).all(1).any() for code in codes[:5].flatten(0, 1))
    assert error(found.model) < 2


def test_adversarial_codes_cannot_be_told_from_the_prior_and_plain_ones_can(fit, held_out):
    model = fit(AdversarialConfig(code_size=2), steps=600).model
    assert two_sample_p(model.encode(held_out[:200])) > 0.05
    assert two_sample_p(fit(DeepConfig(code_size=2)).model.encode(held_out[:200])) < 0.02


def test_discrepancy_of_wae_falls(fit):
    trained = fit(WaeMmdConfig(code_size=4))
    assert np.mean(trained.history["mmd"][-20:]) < np.mean(trained.history["mmd"][:20]) / 5
    assert trained.diagnostics["mmd"] < 0.1


def test_discrepancy_is_about_zero_for_equal_and_positive_for_other_distributions():
    one, two = torch.randn(2, 300, 3, generator=torch.Generator().manual_seed(0))
    assert abs(mmd(one, two).item()) < 0.03
    assert mmd(one + 2, two).item() > 0.3


def test_rae_samples_through_a_mixture_fitted_to_its_codes(fit, held_out, distance_to_real):
    model = fit(RaeConfig(code_size=4)).model
    generator = torch.Generator().manual_seed(0)
    sampled = distance_to_real(model.sample(200, generator))
    codes = model.encode(held_out)
    blob = codes.mean(0) + codes.std(0) * torch.randn(200, 4, generator=generator)
    assert sampled < 1.5 * distance_to_real(held_out)
    assert sampled < distance_to_real(model.decode(blob))


def test_mixture_finds_two_clusters():
    generator = torch.Generator().manual_seed(0)
    codes = torch.randn(600, 2, generator=generator) * torch.tensor([0.1, 0.3])
    codes[:150] += 4
    mixture = fit_mixture(codes, 2)
    light = int(mixture.weight.argmin())
    assert mixture.weight[light].item() == pytest.approx(0.25, abs=0.01)
    assert mixture.mean[light].tolist() == pytest.approx([4, 4], abs=0.1)
    drawn = mixture.sample(2000, generator)
    assert ((drawn > 2).all(1)).float().mean().item() == pytest.approx(0.25, abs=0.05)


@pytest.mark.parametrize(
    "config",
    [
        VaeConfig(code_size=4), BetaVaeConfig(code_size=4), VqVaeConfig(), WaeMmdConfig(code_size=4),
        AdversarialConfig(code_size=2), RaeConfig(code_size=4),
    ],
    ids=lambda config: config.kind,
)  # fmt: skip
def test_generative_variants_sample_windows_of_the_right_kind(fit, held_out, distance_to_real, config):
    model = fit(config, steps=600 if config.kind == "adversarial" else 400).model
    assert isinstance(model, Generative)
    drawn = model.sample(200, torch.Generator().manual_seed(0))
    assert drawn.shape == (200, *held_out.shape[1:])
    assert distance_to_real(drawn) < distance_to_real(torch.randn(200, *held_out.shape[1:]) * held_out.std())
