import math

import numpy as np
import pytest
import torch

from detector.errors import ConfigError, DataError, TrainingDiverged
from detector.models.backbones.conv1d import Conv1dBackbone
from detector.models.backbones.dense import DenseBackbone
from detector.models.state import state
from detector.models.variants.deep import DeepConfig
from detector.models.variants.denoising import DenoisingConfig
from detector.training.adam import Adam
from detector.training.dataset import Windows
from detector.training.schedule import constant, onecycle
from detector.training.trainer import TrainerConfig, train

DENSE = DenseBackbone(width=16)
CONFIG = DeepConfig(code_size=3)
QUICK = TrainerConfig(steps=30, batch=8, check_every=5)


def rows(count: int = 300, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal((count, 2))
    return (np.sin(np.arange(count)[:, None] / 4 + [0, 1]) + 0.1 * noise).astype(np.float32)


WINDOWS = Windows(rows(), length=12)


def test_adam_steps_like_that_of_torch():
    start = [torch.randn(4, 3), torch.randn(5)]
    ours = [torch.nn.Parameter(tensor.clone()) for tensor in start]
    theirs = [torch.nn.Parameter(tensor.clone()) for tensor in start]
    adam, reference = Adam(ours), torch.optim.Adam(theirs, lr=0.01)
    for step in range(20):
        for group in (ours, theirs):
            for parameter in group:
                parameter.grad = torch.sin(parameter.detach() * (step + 1))
        adam.step(0.01)
        reference.step()
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other)


def test_onecycle_rises_for_three_tenths_and_falls_to_nothing():
    rates = [onecycle(ratio) for ratio in np.linspace(0, 1, 101)]
    assert np.argmax(rates) == 30
    assert (rates[0], max(rates)) == (pytest.approx(0.04), pytest.approx(1))
    assert rates[-1] < 1e-5
    assert constant(0.5) == 1


def test_another_seed_gives_other_weights_and_nobody_touches_the_global_state():
    before = torch.get_rng_state()
    threads = torch.get_num_threads()
    one, two = (train(CONFIG, DENSE, WINDOWS, None, QUICK, seed=seed) for seed in (1, 2))
    assert not np.array_equal(state(one.model)["encoder.head.weight"], state(two.model)["encoder.head.weight"])
    torch.set_rng_state(before)
    again = train(CONFIG, DENSE, WINDOWS, None, QUICK, seed=1)
    torch.manual_seed(99)
    assert train(CONFIG, DENSE, WINDOWS, None, QUICK, seed=1).history == again.history == one.history
    assert torch.get_num_threads() == threads


def test_the_best_weights_on_held_out_windows_are_kept():
    config = QUICK.model_copy(update={"steps": 60, "learning_rate": 0.5, "schedule": "constant", "patience": None})
    _, held_out = WINDOWS.split(0.3)
    trained = train(CONFIG, DENSE, WINDOWS, held_out, config, seed=0)
    looks = trained.history["held_out"]
    assert len(looks) == 12
    assert trained.best_step == 5 * (int(np.argmin(looks)) + 1) < 60
    batch = held_out.gather(held_out.spread(512))
    assert trained.model.held_out(batch).mean().item() == pytest.approx(min(looks), rel=1e-5)


def test_training_stops_when_held_out_windows_get_no_better():
    config = QUICK.model_copy(update={"steps": 500, "learning_rate": 0.5, "schedule": "constant", "patience": 3})
    trained = train(CONFIG, DENSE, WINDOWS, WINDOWS, config, seed=0)
    looks = trained.history["held_out"]
    assert len(looks) < 100
    assert int(np.argmin(looks)) == len(looks) - 4
    assert len(trained.history["reconstruction"]) == 5 * len(looks)


def test_a_loss_that_is_not_finite_ends_training_with_one_sentence():
    config = QUICK.model_copy(update={"learning_rate": 1e30, "schedule": "constant"})
    with pytest.raises(TrainingDiverged, match=r"became (nan|inf) at step \d+ of 30: lower the learning rate"):
        train(CONFIG, DENSE, WINDOWS, None, config, seed=0)


def test_bce_is_refused_for_data_outside_0_to_1_and_trains_inside():
    bce = DeepConfig(code_size=3, loss="bce")
    with pytest.raises(ConfigError, match=r"needs data in \[0, 1\]"):
        train(bce, DENSE, WINDOWS, None, QUICK, seed=0)
    history = train(bce, DENSE, Windows((rows() + 2) / 4, length=12), None, QUICK, seed=0).history["reconstruction"]
    assert history[-1] < history[0]


def test_no_window_is_refused():
    with pytest.raises(DataError, match="no window of 12 rows"):
        train(CONFIG, DENSE, Windows(rows(11), length=12), None, QUICK, seed=0)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(ConfigError, match="no CUDA device"):
        train(CONFIG, DENSE, WINDOWS, None, QUICK.model_copy(update={"device": "cuda"}), seed=0)


def test_trimming_keeps_contamination_out_of_the_model():
    dirty = rows(800)
    for at in range(40, 800, 160):
        dirty[at : at + 8] = 8
    normal = torch.from_numpy(np.stack([rows(12, seed=i) for i in range(50)]))

    def error(trim_ratio: float) -> float:
        config = TrainerConfig(steps=300, trim_ratio=trim_ratio, learning_rate=1e-2)
        model = train(CONFIG, DENSE, Windows(dirty, length=12), None, config, seed=0).model
        return (model.reconstruct(normal) - normal).square().sum((1, 2)).mean().item()

    assert error(0.2) < error(0.0)


def test_epochs_count_passes_and_progress_is_told_of_every_step():
    told: list[tuple[int, int]] = []
    config = QUICK.model_copy(update={"epochs": 2, "batch": 20})
    train(CONFIG, DENSE, WINDOWS, None, config, seed=0, progress=lambda step, steps, _: told.append((step, steps)))
    steps = math.ceil(2 * len(WINDOWS) / 20)
    assert told == [(step, steps) for step in range(1, steps + 1)]


def test_a_step_clips_by_element_so_that_wide_windows_learn_as_fast():
    wide = Windows(np.tile(rows(), 20), length=64)
    config = TrainerConfig(steps=60)
    history = train(DenoisingConfig(), Conv1dBackbone(), wide, None, config, seed=0).history["reconstruction"]
    assert np.mean(history[-5:]) < history[0] / 2


def test_looks_tell_the_error_of_held_out_windows_and_may_end_the_training():
    older, newer = WINDOWS.split(0.3)
    told: list[tuple[int, float]] = []
    trained = train(CONFIG, DENSE, older, newer, QUICK, 0, looked=lambda step, error: told.append((step, error)))
    assert [step for step, _ in told] == [5, 10, 15, 20, 25, 30][: len(told)]
    elements = newer.shape.elements
    losses = [loss / elements for loss in trained.history["held_out"]]
    assert [error for _, error in told] == pytest.approx(losses, rel=1e-5), "the loss is the squared error here"

    def enough(step: int, error: float) -> None:
        raise InterruptedError(step)

    with pytest.raises(InterruptedError, match="5"):
        train(CONFIG, DENSE, older, newer, QUICK, 0, looked=enough)
