"""The search for hyperparameters of one variant on one backbone, before it is trained like every other candidate.

Trials learn from the older rows of what the candidate may learn from and sit an examination on the newer ones, with
anomalies made on purpose. The rows on which candidates are compared afterwards are never seen, or the one that was
tried most often would win. Trials that rebuild held-out windows worse than the median of those before are cut short.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

import numpy as np
import optuna
from optuna.trial import Trial, TrialState

from detector.calibration.table import CalibrationConfig
from detector.errors import ReconwatchError
from detector.evaluation.exam import exam, sit
from detector.fitting.dataset import Run as Rows
from detector.fitting.dataset import fit_window
from detector.fitting.fit import fit_detector
from detector.members.autoencoder import AutoencoderMember
from detector.members.base import Progress
from detector.members.table import DetectorConfig
from pipelines.registry.base import Run
from pipelines.retrain.candidates import Candidate
from pipelines.retrain.history import History
from pipelines.retrain.space import applied, present, space

RANDOM_TRIALS = 8
"""Before the sampler believes what it has seen."""
UNPRUNED_TRIALS = 4

Opened = Callable[[str], AbstractContextManager[Run]]
"""Opens the run of a trial by its name."""

optuna.logging.set_verbosity(optuna.logging.WARNING)


class Watched:
    """Progress of a trial that also hears of every look at held-out windows.

    Args:
        trial: told of it.
        progress: told how far the training is.
    """

    def __init__(self, trial: Trial, progress: Progress) -> None:
        self._trial, self._progress = trial, progress
        self.steps: list[int] = []
        self.errors: list[float] = []

    def __call__(self, step: str, share: float) -> None:
        """Tells how far the training is."""
        self._progress(step, share)

    def looked(self, step: int, error: float) -> None:
        """Notes the error and gives up on a trial that does worse than the median of those before."""
        self.steps.append(step)
        self.errors.append(error)
        self._trial.report(-error, step)
        if self._trial.should_prune():
            raise optuna.TrialPruned


class Search:
    """Searches of one retrain.

    Args:
        history: of its older rows the newest share is kept to examine trials.
        trials: of every candidate.
        test_ratio: that share.
        window: rows of the longest window of all candidates.
        seed: of everything random.
        delay: rows that a score waits.
        calibration: how limits are set.

    Raises:
        DataError: the rows kept are too few for an examination.
    """

    def __init__(
        self,
        history: History,
        trials: int,
        test_ratio: float,
        window: int,
        seed: int,
        delay: int,
        calibration: CalibrationConfig,
    ) -> None:
        cuts = [(run, round((1 - test_ratio) * len(run))) for run in history.train]
        self._older = [Rows(run.time_ns[:cut], run.values[:cut]) for run, cut in cuts]
        newer = [(run.values[cut:], np.zeros(len(run) - cut, bool)) for run, cut in cuts]
        self._sheet = exam(newer, fit_window(window, max(map(len, self._older))), seed)
        self._schema, self._trials, self._seed = history.schema, trials, seed
        self._delay, self._calibration = delay, calibration

    def best(self, candidate: Candidate, opened: Opened, progress: Progress) -> Candidate:
        """Returns the candidate with the best hyperparameters found; the defaults are the first trial.

        Args:
            candidate: one autoencoder.
            opened: opens the run of a trial.
            progress: told how far the search is.
        """
        member = candidate.config.members[0]
        assert isinstance(member, AutoencoderMember)
        spread = space(member)
        study = optuna.create_study(
            direction="maximize",
            sampler=optuna.samplers.TPESampler(n_startup_trials=RANDOM_TRIALS, seed=self._seed),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=UNPRUNED_TRIALS),
        )
        study.enqueue_trial(present(member, spread))

        for number in range(self._trials):
            trial = study.ask(spread)
            watched = Watched(trial, partial(self._told, progress, number))
            with opened(f"trial-{number:03d}") as run:
                run.params({name: str(value) for name, value in trial.params.items()})
                study.tell(trial, *self._tried(candidate, applied(member, trial.params), watched, run))
        if not study.get_trials(states=[TrialState.COMPLETE]):
            return candidate
        return candidate._replace(config=_of(candidate, applied(member, study.best_params)))

    def _told(self, progress: Progress, number: int, step: str, share: float) -> None:
        progress(step, (number + share) / self._trials)

    def _tried(
        self, candidate: Candidate, member: AutoencoderMember, watched: Watched, run: Run
    ) -> tuple[float | None, TrialState]:
        """Trains and examines one setting, and writes down what came of it."""
        quality, state = None, TrialState.COMPLETE
        try:
            bundle = fit_detector(_of(candidate, member), self._schema, self._older, self._seed, watched)
            quality = sit(bundle.detector, self._sheet, self._delay, self._calibration).mean
            run.metrics({"quality": quality})
        except optuna.TrialPruned:
            state = TrialState.PRUNED
        except ReconwatchError as error:  # with these settings nothing can be learnt
            state = TrialState.FAIL
            run.params({"reason": str(error)})
        run.params({"state": state.name.lower()})
        run.curve("held_out_error", watched.steps, watched.errors)
        return quality, state


def _of(candidate: Candidate, member: AutoencoderMember) -> DetectorConfig:
    return candidate.config.model_copy(update={"members": (member,)})
