"""The one trainer: whatever a variant's objectives are, this loop zeroes, steps and resumes."""

import contextlib
import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from detector.errors import ConfigError, DataError, TrainingDiverged
from detector.models.backbones.base import Backbone
from detector.models.base import Autoencoder, Batch, Progress, Terms, Variant
from detector.models.initialise import initialise
from detector.training.adam import Adam
from detector.training.allocator import keep_freed_memory
from detector.training.dataset import Windows
from detector.training.held_out import HeldOut
from detector.training.schedule import SCHEDULES, ScheduleName

Callback = Callable[[int, int, float], None]
"""Called with steps done, steps in all and the loss per window."""

Looked = Callable[[int, float], None]
"""Called after each look at held-out windows with the steps done and the mean squared error of the reconstruction,
which means the same whatever the loss; what it raises ends the training."""


@runtime_checkable
class Watching(Protocol):
    """A progress that also hears of looks at held-out windows."""

    def looked(self, step: int, error: float) -> None:
        """As ``Looked``."""


_PREPARE_WINDOWS = 4096
_TRIM_FROM_RATIO = 0.2


class TrainerConfig(BaseModel):
    """How a model is trained."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: int = Field(default=400, ge=1, description="Steps of one batch each")
    epochs: float | None = Field(default=None, gt=0, description="Passes over all windows, instead of steps")
    batch: int = Field(default=64, ge=1, description="Windows per step")
    learning_rate: float = Field(default=3e-3, gt=0, description="Peak rate of Adam")
    schedule: ScheduleName = "onecycle"
    clip: float | None = Field(default=1.0, gt=0, description="Most that the norm of a gradient may be")
    trim_ratio: float = Field(
        default=0.05,
        ge=0,
        lt=1,
        description="Share of each batch, the worst rebuilt, that is left out after a fifth of the steps, "
        "because training data may hold anomalies",
    )
    check_every: int = Field(default=50, ge=1, description="Steps between looks at the held-out windows")
    patience: int | None = Field(
        default=5, ge=1, description="Looks without improvement after which training ends; null goes on to the end"
    )
    device: Literal["auto", "cpu", "cuda"] = "auto"


@dataclass(frozen=True, slots=True)
class Trained:
    """A finished model.

    Attributes:
        model: in evaluation mode on the CPU, the weights that did best on held-out windows.
        history: loss per window of every step by name of the term; "held_out" has one value per look.
        best_step: step of the weights that were kept.
        diagnostics: what the variant says of itself on held-out windows.
    """

    model: Autoencoder
    history: dict[str, list[float]]
    best_step: int
    diagnostics: dict[str, float]


def train(
    variant: Variant,
    backbone: Backbone,
    windows: Windows,
    validation: Windows | None,
    config: TrainerConfig,
    seed: int,
    progress: Callback | None = None,
    looked: Looked | None = None,
) -> Trained:
    """Trains one model; the same input and seed give the same bits on one machine.

    Args:
        variant: what to train.
        backbone: out of which layers.
        windows: at least one.
        validation: later windows by which the best weights are chosen; None or none of them keeps the last weights.
        config: how to train.
        seed: of weights, order and noise.
        progress: told after every step.
        looked: told after every look at ``validation``.

    Raises:
        ConfigError: the loss does not suit the data, or the device is not there.
        DataError: there is no window.
        TrainingDiverged: a loss became NaN or infinite.
    """
    if not len(windows):
        raise DataError(f"there is no window of {windows.shape.steps} rows to train on: give more rows.")
    device = _device(config.device)
    keep_freed_memory()
    with _single_thread():
        model = variant.build(windows.shape, backbone)
        _check_range(model, variant, windows)
        initialise(model, torch.Generator().manual_seed(seed))
        model.to(device)
        return _Training(model, windows, validation, config, seed, device).run(progress, looked)


class _Training:
    """The loop and what it holds."""

    def __init__(
        self,
        model: Autoencoder,
        windows: Windows,
        validation: Windows | None,
        config: TrainerConfig,
        seed: int,
        device: torch.device,
    ):
        self.model, self.windows, self.config, self.device = model, windows, config, device
        self.generator = torch.Generator(device).manual_seed(seed)
        self.order = torch.Generator().manual_seed(seed)
        self.groups = model.groups()
        self.optimisers = {name: Adam(group) for name, group in self.groups.items()}
        self.steps = config.steps
        if config.epochs is not None:
            self.steps = math.ceil(config.epochs * len(windows) / config.batch)
        if not self.groups:
            self.steps = 0
        self.held_out = HeldOut(model, validation, device, config.patience)
        self.history: dict[str, list[float]] = defaultdict(list)

    def run(self, progress: Callback | None, looked: Looked | None) -> Trained:
        """Prepares, steps, finishes."""
        with torch.no_grad():
            self.model.begin(self._prepared())
        self.model.train()
        step = 0
        for step, batch in zip(range(1, self.steps + 1), self._batches(), strict=False):
            loss = self._step(batch, Progress(step - 1, self.steps, self.generator))
            if progress is not None:
                progress(step, self.steps, loss)
            if step % self.config.check_every and step != self.steps:
                continue
            ended = self.held_out.look(step, settled=step > self.model.settled_ratio * self.steps)
            if looked is not None and self.held_out.batch is not None:
                looked(step, self.held_out.error())
            if ended:
                break
        self.model.eval()
        best_step = self.held_out.restore(step)
        with torch.no_grad():
            self.model.finish(self._prepared())
            diagnostics = self.model.diagnostics(self.held_out.batch or next(self._prepared()))
        if self.held_out.losses:
            self.history["held_out"] = self.held_out.losses
        return Trained(self.model.requires_grad_(False).cpu(), dict(self.history), best_step, diagnostics)

    def _step(self, batch: Batch, progress: Progress) -> float:
        rate = self.config.learning_rate * SCHEDULES[self.config.schedule](progress.ratio)
        first = math.nan
        for group, terms in self.model.objectives(batch, progress):
            total = self._total(terms, progress)
            value = total.item()
            if not math.isfinite(value):
                raise TrainingDiverged(
                    f"the loss of {type(self.model).__name__} became {value} at step {progress.step + 1} of "
                    f"{self.steps}: lower the learning rate (now {self.config.learning_rate:g}) or look for extreme "
                    "values in the training data."
                )
            first = value if math.isnan(first) else first
            self.model.zero_grad(set_to_none=True)
            # Per element, so that the limit of the gradient means the same for every size of window.
            (total / self.model.shape.elements).backward()
            if self.config.clip is not None:
                nn.utils.clip_grad_norm_(self.groups[group], self.config.clip)
            self.optimisers[group].step(rate)
        return first

    def _total(self, terms: Terms, progress: Progress) -> Tensor:
        """Mean over the windows that are kept of all terms per window, plus the terms of the batch."""
        kept: Tensor | slice = slice(None)
        by = terms.get("reconstruction")
        drop = 0 if by is None or progress.ratio < _TRIM_FROM_RATIO else int(self.config.trim_ratio * len(by))
        if by is not None and drop:
            kept = by.detach().argsort(stable=True)[: len(by) - drop]
        means = {name: term[kept].mean() if term.dim() else term for name, term in terms.items()}
        for name, mean in means.items():
            self.history[name].append(mean.item())
        return torch.stack(list(means.values())).sum()

    def _batches(self) -> Iterator[Batch]:
        """Random batches without end, every window once before any comes again."""
        pool = torch.empty(0, dtype=torch.int64)
        while True:
            while len(pool) < self.config.batch:
                pool = torch.cat([pool, torch.randperm(len(self.windows), generator=self.order)])
            yield self._here(self.windows.gather(pool[: self.config.batch].numpy()))
            pool = pool[self.config.batch :]

    def _prepared(self) -> Iterator[Batch]:
        return (self._here(batch) for batch in self.windows.batches(_PREPARE_WINDOWS))

    def _here(self, batch: Batch) -> Batch:
        return Batch(batch.x.to(self.device), batch.observed.to(self.device))


def _device(name: str) -> torch.device:
    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        raise ConfigError("device is cuda, but torch finds no CUDA device here: set device to auto or cpu.")
    return torch.device("cuda" if there and name != "cpu" else "cpu")


def _check_range(model: Autoencoder, variant: Variant, windows: Windows) -> None:
    low, high = windows.span
    if low < model.loss.low or high > model.loss.high:
        raise ConfigError(
            f"loss {variant.loss} needs data in [{model.loss.low:g}, {model.loss.high:g}], the training rows reach "
            f"from {low:.3g} to {high:.3g}: take the loss mse or gaussian_nll, or scale the data."
        )


@contextlib.contextmanager
def _single_thread() -> Iterator[None]:
    """One thread of torch: sums come out in one order, and several trainings may share the machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
