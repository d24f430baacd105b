"""What each plain variant promises: PCA, shallow, deep, stacked, denoising, contractive."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from detector.evaluation.auc import auc_roc
from detector.models.backbones.base import Shape
from detector.models.backbones.dense import DenseBackbone
from detector.models.variants.contractive import ContractiveConfig
from detector.models.variants.deep import DeepConfig
from detector.models.variants.denoising import DenoisingConfig
from detector.models.variants.pca import PcaConfig
from detector.models.variants.shallow import ShallowConfig
from detector.models.variants.stacked import StackedConfig
from detector.training.trainer import TrainerConfig, train


@pytest.mark.parametrize("config", [PcaConfig(), PcaConfig(code_size=3), PcaConfig(variance_ratio=0.5)])
def test_pca_has_the_projection_error_of_scikit_learn(fit, error, held_out, waves, config):
    model = fit(config).model
    reference = PCA(config.code_size or config.variance_ratio, svd_solver="full")
    reference.fit(waves(1500, seed=0).reshape(1500, -1))
    flat = held_out.numpy().reshape(len(held_out), -1)
    expected = np.square(flat - reference.inverse_transform(reference.transform(flat))).sum(1).mean()
    assert model.code_size == reference.n_components_
    assert error(model) == pytest.approx(expected, rel=1e-4)


def test_pca_of_few_wide_windows_rebuilds_them(waves, as_windows):
    few = waves(5, seed=2)
    model = train(PcaConfig(variance_ratio=1), DenseBackbone(), as_windows(few), None, TrainerConfig(), seed=0).model
    assert model.code_size == 4
    np.testing.assert_allclose(model.reconstruct(torch.from_numpy(few)).numpy(), few, atol=1e-5)


def test_shallow_trains_and_stays_above_deep_on_a_curved_surface(fit, error):
    shallow, deep = fit(ShallowConfig(code_size=4)), fit(DeepConfig(code_size=4))
    losses = shallow.history["reconstruction"]
    assert losses[-1] < losses[0] / 2
    assert error(shallow.model) > 5 * error(deep.model)


def test_deep_beats_the_identity_on_anomalies(fit, held_out):
    model = fit(DeepConfig(code_size=4)).model
    assert model.code_size < held_out[0].numel()
    broken = held_out.clone()
    broken[:, 6:10, 0] = 0
    x = torch.cat([held_out, broken])
    labels = np.repeat([0, 1], len(held_out))
    scores = (model.reconstruct(x) - x).square().sum((1, 2)).numpy()
    assert auc_roc(labels, np.zeros(len(x))) == 0.5
    assert auc_roc(labels, scores) > 0.9


def test_every_stage_of_stacked_is_logged_and_falls(fit):
    history = fit(StackedConfig(code_size=4)).history
    assert {"stage_1", "stage_2", "reconstruction"} <= set(history)
    for name in ("stage_1", "stage_2", "reconstruction"):
        assert np.mean(history[name][-10:]) < np.mean(history[name][:10]) / 2, name
    assert len(history["stage_1"]) == len(history["stage_2"]) == 100


def test_denoising_raises_the_signal_to_noise_ratio(fit, held_out):
    model = fit(DenoisingConfig(code_size=4)).model
    noisy = model.corrupt(held_out, torch.Generator().manual_seed(1))

    def decibels(x: torch.Tensor) -> float:
        return 10 * torch.log10(held_out.square().sum() / (x - held_out).square().sum()).item()

    assert decibels(model.reconstruct(noisy)) > decibels(noisy) + 6


def test_noise_is_stated_as_a_deviation_and_holes_as_a_share_of_channels():
    shape, ones = Shape(32, 3), torch.ones(2000, 32, 3)
    noise = DenoisingConfig(noise_sd=0.5, holes_ratio=0).build(shape, DenseBackbone())
    assert noise.corrupt(ones, torch.Generator().manual_seed(0)).std().item() == pytest.approx(0.5, rel=0.01)

    holes = DenoisingConfig(noise_sd=0, holes_ratio=0.5).build(shape, DenseBackbone())
    dropped = (holes.corrupt(ones, torch.Generator().manual_seed(0)) == 0).sum(1)
    assert (dropped > 0).float().mean().item() == pytest.approx(0.5, abs=0.02)
    assert set(dropped.unique().tolist()) == {0, *range(2, 9)}


def test_contraction_lowers_the_sensitivity_of_the_code(fit, held_out):
    def sensitivity(model) -> float:
        few = held_out[:40]
        return torch.autograd.functional.jacobian(lambda x: model.encode(x).sum(0), few).square().sum().item() / 40

    deep = sensitivity(fit(DeepConfig(code_size=4)).model)
    default = fit(ContractiveConfig(code_size=4))
    assert sensitivity(default.model) < deep
    assert sensitivity(fit(ContractiveConfig(code_size=4, weight=1e-2)).model) < deep / 1.5
    assert default.diagnostics["sensitivity"] == pytest.approx(sensitivity(default.model), rel=0.25)
