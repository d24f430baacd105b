"""One heat: an entrant trained on a case with a seed, and examined; what a worker process does."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from threadpoolctl import ThreadpoolController

from detector.errors import ReconwatchError
from detector.evaluation.probe import Known
from detector.models.backbones.base import Shape
from detector.models.initialise import initialise
from detector.training.dataset import Windows
from detector.training.trainer import train
from detector.types import Floats
from pipelines.bakeoff.cases import Case
from pipelines.bakeoff.config import BakeoffConfig
from pipelines.bakeoff.curves import precision_recall, roc
from pipelines.bakeoff.digits import digits
from pipelines.bakeoff.entrants import Entrant, built
from pipelines.bakeoff.exam import anomalies, codes, cost, judged, probes, reconstruction, sampling
from pipelines.bakeoff.marks import Marks, Snapshot
from pipelines.bakeoff.network import Network
from pipelines.bakeoff.series import series
from pipelines.clock import SystemClock

SHOWN = 8
STEPS_BETWEEN = 8


@dataclass(frozen=True, slots=True)
class Heat:
    """What is to be done.

    Attributes:
        entrant: who.
        case: a digit, or the path of a series.
        seed: of everything random.
        pictured: keep what pictures are drawn from.
    """

    entrant: Entrant
    case: str
    seed: int
    pictured: bool


def case_of(name: str, seed: int, config: BakeoffConfig) -> Case:
    """Returns the case of a heat; a process keeps the last ones.

    Raises:
        DataError: the data cannot be used.
    """
    if config.dataset == "digits":
        return _digits(name, seed, config.loss == "bce")
    return _series(Path(name), config)


_digits = lru_cache(maxsize=16)(digits)
_series = lru_cache(maxsize=8)(series)


def run(heat: Heat, config: BakeoffConfig) -> Marks:
    """Trains and examines; a failure becomes part of the marks, so that the other heats go on."""
    torch.set_num_threads(1)
    case = case_of(heat.case, heat.seed, config)
    try:
        with ThreadpoolController().limit(limits=1):
            return _raw(heat, case) if heat.entrant.role == "raw" else _network(heat, case, config)
    except ReconwatchError as error:
        return Marks(heat.entrant.name, case.name, heat.seed, failure=str(error))


def _raw(heat: Heat, case: Case) -> Marks:
    """The window itself: its norm is the score, its elements are the code."""

    def norm(windows: Floats) -> Floats:
        return np.square(windows - case.learn.mean(axis=(0, 1)), dtype=np.float64).mean(axis=(1, 2))

    return _marks(heat, case, norm, probes(case.probe, case.asked, heat.seed))


def _network(heat: Heat, case: Case, config: BakeoffConfig) -> Marks:
    clock, shape = SystemClock(), Shape(*case.learn.shape[1:])
    variant, backbone = built(heat.entrant, config)
    begin, history = clock.monotonic_s(), {}
    if heat.entrant.role == "untrained":
        model = variant.build(shape, backbone)
        initialise(model, torch.Generator().manual_seed(heat.seed))
        model.eval()
    else:
        starts = np.arange(0, len(case.learn) * shape.steps, shape.steps)
        rows = case.learn.reshape(-1, shape.channels)
        windows = Windows(rows, length=shape.steps, run_starts=starts)
        trained = train(variant, backbone, windows, None, config.trainer, heat.seed)
        model, history = trained.model, trained.history
    network, train_s = Network(model), clock.monotonic_s() - begin
    figures, channel_error = reconstruction(network, case, heat.seed)
    trained_to_sample = network.generative and heat.entrant.role == "model"
    made = network.sample(len(case.few), heat.seed) if trained_to_sample else None
    if made is not None:
        figures |= sampling(made, case.few, heat.seed)
    figures |= codes(network, case, heat.seed)
    learnt, asked = (Known(_codes(network, known, shape), known.classes) for known in (case.probe, case.asked))
    figures |= probes(learnt, asked, heat.seed) | cost(network, case, train_s, clock)
    snapshot = _snapshot(network, case, made, heat.seed) if heat.pictured else None
    return _marks(heat, case, network.error, figures, channel_error, history, snapshot)


def _marks(
    heat: Heat,
    case: Case,
    error: Callable[[Floats], Floats],
    figures: dict[str, float],
    channel_error: dict[str, float] | None = None,
    history: dict[str, list[float]] | None = None,
    snapshot: Snapshot | None = None,
) -> Marks:
    test = judged(error(case.test), case)
    figures = figures | anomalies(test, error(case.later), case)
    curves = roc(case.labels, test), precision_recall(case.labels, test)
    return Marks(
        heat.entrant.name, case.name, heat.seed, figures, channel_error or {}, *curves, history or {}, snapshot
    )


def _codes(network: Network, known: Known, shape: Shape) -> Floats:
    return network.encode(known.codes.reshape(-1, shape.steps, shape.channels))


def _snapshot(network: Network, case: Case, made: Floats | None, seed: int) -> Snapshot:
    shape = Shape(*case.learn.shape[1:])
    windows = case.few[np.linspace(0, len(case.few) - 1, SHOWN).round().astype(int)]
    ends = network.encode(windows[[0, -1]])
    share = np.linspace(0, 1, STEPS_BETWEEN, dtype=np.float32)[:, None]
    asked = _codes(network, case.asked, shape)
    return Snapshot(
        windows=windows,
        rebuilt=network.rebuild(windows),
        samples=None if made is None else made[:SHOWN],
        path=network.decode((1 - share) * ends[0] + share * ends[1]),
        map=_map(asked, seed),
        colour=case.asked.classes,
    )


def _map(found: Floats, seed: int) -> Floats | None:
    """Lays codes out in the plane.

    Paper: McInnes, Healy & Melville 2018, "UMAP: uniform manifold approximation and projection".
    """
    if len(found) < 30 or not found.std(axis=0).any():
        return None
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from umap import UMAP

        return np.asarray(UMAP(n_jobs=1, random_state=seed).fit_transform(found), np.float32)
