import math

import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from torch.distributions import Normal

from detector.errors import BundleError
from detector.models.backbones.base import Shape
from detector.models.backbones.dense import DenseBackbone
from detector.models.backbones.table import BackboneConfig
from detector.models.base import Batch
from detector.models.losses import LOSSES
from detector.models.state import restore, state
from detector.models.variants.deep import DeepConfig
from detector.models.variants.table import VariantConfig

X = torch.rand(4, 8, 3, generator=torch.Generator().manual_seed(0))


def test_gaussian_nll_is_the_likelihood_without_its_constant():
    raw = torch.randn(4, 8, 6, generator=torch.Generator().manual_seed(1))
    mean, free = raw.chunk(2, -1)
    sd = torch.exp(3 * torch.tanh(free / 6))
    expected = -Normal(mean, sd).log_prob(X) - 0.5 * math.log(2 * math.pi)
    torch.testing.assert_close(LOSSES["gaussian_nll"].elements(raw, X), expected)


def test_bce_head_answers_in_0_to_1_and_is_least_at_the_truth():
    loss, raw = LOSSES["bce"], torch.randn(4, 8, 3, generator=torch.Generator().manual_seed(2))
    assert 0 < loss.mean(raw).min() < loss.mean(raw).max() < 1
    assert (loss.elements(torch.logit(X), X) <= loss.elements(raw, X)).all()


def test_loss_is_summed_over_observed_elements_of_each_window():
    model = DeepConfig(code_size=2).build(Shape(8, 3), DenseBackbone())
    observed = torch.ones(4, 8, 3, dtype=torch.bool)
    observed[1, 2:, 1] = False
    decoded = X + 1
    assert model.reconstruction(Batch(X, observed), decoded).tolist() == pytest.approx([24, 18, 24, 24])


@pytest.mark.parametrize("union", [VariantConfig, BackboneConfig])
def test_an_unknown_kind_is_refused_with_the_legal_names(union):
    with pytest.raises(ValidationError, match=r"'lstm'|'denoising'"):
        TypeAdapter(union).validate_python({"kind": "transformer"})


def test_the_tables_hold_fifteen_variants_and_three_backbones():
    def kinds(union) -> int:
        return len(TypeAdapter(union).json_schema()["discriminator"]["mapping"])

    assert (kinds(VariantConfig), kinds(BackboneConfig)) == (15, 3)


def test_weights_of_another_model_are_refused():
    config, shape = DeepConfig(code_size=2), Shape(8, 3)
    tensors = state(config.build(shape, DenseBackbone()))
    with pytest.raises(BundleError, match="do not fit"):
        restore(config, DenseBackbone(width=7), shape, tensors)
    with pytest.raises(BundleError, match="do not fit"):
        restore(config, DenseBackbone(), shape, {})
