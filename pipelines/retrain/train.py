"""One candidate: trained, examined, written down, and kept so that a retrain can go on where it stopped."""

import logging
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from detector.bundle import Bundle
from detector.calibration.table import CalibrationConfig
from detector.errors import GateRejected, ReconwatchError
from detector.evaluation.exam import Exam, Marks, sit
from detector.fitting.fit import fit_detector
from detector.inference import calibrate
from detector.members.base import Progress
from detector.members.reconstruction import Reconstruction
from detector.plots import reconstructions_figure
from pipelines.registry.base import Run
from pipelines.retrain.candidates import Candidate
from pipelines.retrain.history import History

FILE = "result.json"

log = logging.getLogger(__name__)


class Result(BaseModel):
    """What became of a candidate.

    Attributes:
        name: of the candidate.
        status: trained, refused by its self-test, or failed.
        reason: why it was refused or failed.
        quality: marks at every place of the examination.
        false_alarms: on the newest rows.
        allowed: false alarms there by the budget.
        kept: what the journal knows the bundle by.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    status: Literal["trained", "refused", "failed"]
    reason: str = ""
    quality: tuple[float, ...] = ()
    false_alarms: int = 0
    allowed: float = 0.0
    kept: str = ""

    @property
    def marks(self) -> Marks:
        """Marks of the examination."""
        return Marks(np.array(self.quality), self.false_alarms, self.allowed)


def finished(folder: Path) -> Result | None:
    """Returns what an interrupted retrain had found out about a candidate; one that failed is tried again."""
    try:
        result = Result.model_validate_json((folder / FILE).read_bytes())
    except (OSError, ValidationError):
        return None
    return None if result.status == "failed" else result


class Trainer:
    """Trains candidates on the same history and lets them sit the same examination.

    Args:
        history: rows.
        exam: for all candidates.
        seed: of the trainings.
        delay: rows that a score waits.
        calibration: how the limit is set.
    """

    def __init__(self, history: History, exam: Exam, seed: int, delay: int, calibration: CalibrationConfig) -> None:
        self._history, self._exam, self._seed = history, exam, seed
        self._delay, self._calibration = delay, calibration

    def train(self, candidate: Candidate, folder: Path, run: Run, progress: Progress) -> Result:
        """Trains one candidate and keeps its bundle and result in ``folder``.

        Raises:
            ReconwatchError: it cannot be trained.
        """
        run.params({**candidate.tags, "seed": self._seed, "data_digest": self._history.digest})
        run.params({"members": ",".join(member.name for member in candidate.config.members)})
        for member in candidate.config.members:
            run.params(dict(_leaves(member.model_dump(mode="json"), member.name)))
        try:
            bundle = fit_detector(candidate.config, self._history.schema, self._history.train, self._seed, progress)
        except GateRejected as error:
            return _kept(Result(name=candidate.name, status="refused", reason=str(error)), folder)
        bundle.save(folder / "bundle")
        marks = sit(bundle.detector, self._exam, self._delay, self._calibration)
        self._note(bundle, marks, run)
        kept = run.model(folder / "bundle")
        return _kept(
            Result(
                name=candidate.name,
                status="trained",
                quality=tuple(marks.quality.tolist()),
                false_alarms=marks.false_alarms,
                allowed=marks.allowed,
                kept=kept,
            ),
            folder,
        )

    def _note(self, bundle: Bundle, marks: Marks, run: Run) -> None:
        tested = bundle.facts["self_test"]
        run.params({"version": bundle.version, "window": bundle.detector.window})
        run.metrics(
            {
                f"quality_{self._exam.kind}": marks.mean,
                "false_alarms": marks.false_alarms,
                "false_alarms_allowed": marks.allowed,
                "limit": calibrate(bundle.detector, self._delay, self._calibration).limit,
                **{f"self_test_recall_{kind}": recall for kind, recall in tested["recall"].items()},
            }
        )
        for member in bundle.detector.members:
            if isinstance(member, Reconstruction):
                for term, values in member.history.items():
                    every = member.config.trainer["check_every"] if term == "held_out" else 1
                    run.curve(f"{member.name}_{term}", [every * (step + 1) for step in range(len(values))], values)
        run.figure("reconstructions", reconstructions_figure(bundle.detector, bundle.golden.windows))


def _leaves(settings: Any, name: str) -> Iterator[tuple[str, str]]:
    """Yields every single setting under its dotted name."""
    if not isinstance(settings, dict):
        yield name, str(settings)
        return
    for key, inner in settings.items():
        yield from _leaves(inner, f"{name}.{key}")


def failure(name: str, error: Exception, folder: Path) -> Result:
    """Writes down that a candidate failed."""
    if not isinstance(error, ReconwatchError):
        log.debug("%s", "".join(traceback.format_exception(error)))
    reason = str(error) if isinstance(error, ReconwatchError) else f"unexpected {type(error).__name__}: {error}"
    return _kept(Result(name=name, status="failed", reason=" ".join(reason.split())), folder)


def _kept(result: Result, folder: Path) -> Result:
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / f".{FILE}.new"
    fresh.write_text(result.model_dump_json(), encoding="utf-8")
    fresh.replace(folder / FILE)
    return result
