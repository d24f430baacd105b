import pytest
import torch
import torch.nn.functional as fn

from detector.models.backbones.base import Shape
from detector.models.backbones.conv1d import Conv1dBackbone
from detector.models.backbones.convolution import Down, Up
from detector.models.backbones.dense import DenseBackbone
from detector.models.backbones.lstm import LstmBackbone
from detector.models.variants.deep import DeepConfig
from detector.models.variants.denoising import DenoisingConfig

BACKBONES = [DenseBackbone(), Conv1dBackbone(), LstmBackbone()]


@pytest.mark.parametrize("kernel", [3, 5, 7])
def test_down_is_a_strided_convolution(kernel):
    layer, x = Down(4, 6, kernel), torch.randn(3, 16, 4)
    weight = layer.product.weight.view(6, kernel, 4).transpose(1, 2)
    expected = fn.conv1d(x.transpose(1, 2), weight, layer.product.bias, stride=2, padding=(kernel - 1) // 2)
    torch.testing.assert_close(layer(x.unsqueeze(1)).squeeze(1), expected.transpose(1, 2), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kernel", [3, 5, 7])
def test_a_causal_layer_looks_at_nothing_newer(kernel):
    layer, x = Down(4, 6, kernel, causal=True), torch.randn(1, 1, 16, 4)
    found = layer(x)
    assert found.shape == (1, 1, 8, 6)
    for step in range(8):
        cut = x.clone()
        cut[:, :, 2 * step + 2 :] = 99
        assert torch.equal(layer(cut)[:, :, : step + 1], found[:, :, : step + 1])
        cut[:, :, 2 * step + 1] = 99
        assert not torch.equal(layer(cut)[:, :, step], found[:, :, step]), "the newest of its own is seen"


@pytest.mark.parametrize("kernel", [4, 8])
def test_up_is_a_transposed_convolution(kernel):
    layer, x = Up(4, 6, kernel), torch.randn(3, 16, 4)
    taps = kernel // 2
    # Rows of the product are (parity, output), columns (tap, input); the newest tap holds the first kernel element.
    product = layer.product.weight.view(2, 6, taps, 4).flip(2)
    weight = product.permute(3, 1, 2, 0).reshape(4, 6, kernel)
    found = fn.conv_transpose1d(x.transpose(1, 2), weight, stride=2, padding=taps - 1).transpose(1, 2)
    bias = layer.product.bias.view(2, 6)
    expected = found + bias.roll(1 if (taps - 1) % 2 else 0, 0).repeat(16, 1)
    torch.testing.assert_close(layer(x.unsqueeze(1)).squeeze(1), expected, atol=1e-5, rtol=1e-5)


def test_the_native_code_of_conv1d_keeps_six_channels_at_an_eighth_of_the_steps():
    model = DenoisingConfig().build(Shape(64, 8), Conv1dBackbone())
    assert model.code_size == 8 * 6
    assert model.encode(torch.zeros(1, 64, 8)).shape == (1, 48)
    assert len(model.encoder.layers) == 3
    assert len(DenoisingConfig().build(Shape(16, 8), Conv1dBackbone()).encoder.layers) == 2


@pytest.mark.parametrize("steps", [1, 2, 5, 13, 33, 40, 64])
@pytest.mark.parametrize("backbone", BACKBONES, ids=lambda b: b.kind)
@pytest.mark.parametrize("config", [DeepConfig(), DenoisingConfig()], ids=lambda c: c.kind)
def test_windows_of_any_length_have_a_model(steps, backbone, config):
    model = config.build(Shape(steps, 3, conditions=1), backbone)
    assert model.reconstruct(torch.zeros(2, steps, 4)).shape == (2, steps, 3)


@pytest.mark.parametrize("backbone", BACKBONES, ids=lambda b: b.kind)
@pytest.mark.parametrize("activation", ["relu", "elu", "tanh"])
def test_classic_hyperparameters_reach_the_layers(backbone, activation):
    changed = backbone.model_copy(update={"depth": 2, "width": 20, "activation": activation, "normalisation": "layer"})
    model = DeepConfig(code_size=5, loss="gaussian_nll").build(Shape(32, 2), changed)
    names = {type(module).__name__ for module in model.modules()}
    assert "LayerNorm" in names
    assert len(model.encoder.layers) == 2
    assert model.encode(torch.zeros(1, 32, 2)).shape == (1, 5)
    assert model.decoder(torch.zeros(1, 5)).shape == (1, 32, 4)


@torch.inference_mode()
@pytest.mark.parametrize("backbone", BACKBONES, ids=lambda b: b.kind)
@pytest.mark.parametrize("loss", ["mse", "gaussian_nll"])
def test_a_window_has_the_same_bits_in_any_batch_of_whole_blocks(backbone, loss):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        model = DeepConfig(loss=loss).build(Shape(64, 5), backbone)
        x = torch.randn(256, 64, 5, generator=torch.Generator().manual_seed(0))
        whole = model.reconstruct(x)
        order = torch.randperm(256, generator=torch.Generator().manual_seed(1))
        for rows in (order[:64], order[64:], torch.arange(128)):
            assert torch.equal(model.reconstruct(x[rows]), whole[rows])
    finally:
        torch.set_num_threads(threads)
