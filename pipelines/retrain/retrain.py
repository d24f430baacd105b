"""A retrain from history to decision: train all candidates, examine them, register the best, let evidence decide."""

import hashlib
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from detector.bundle import Bundle, load
from detector.calibration.table import CalibrationConfig
from detector.errors import BundleError, ConfigError, GateRejected
from detector.evaluation.exam import exam, sit
from detector.evaluation.select import Selection, select
from detector.fitting.dataset import fit_window
from detector.members.base import Progress
from pipelines.registry.base import Journal, Registry, Run
from pipelines.registry.table import RegistryConfig
from pipelines.retrain.candidates import AUTO, Candidate
from pipelines.retrain.config import RetrainConfig
from pipelines.retrain.gate import Decision, decide
from pipelines.retrain.history import History
from pipelines.retrain.promote import promote
from pipelines.retrain.train import Result, Trainer, failure, finished

if TYPE_CHECKING:
    from pipelines.retrain.search import Search


@dataclass(frozen=True, slots=True)
class Place:
    """Where detectors of one name live.

    Attributes:
        name: of the detector.
        config: of the registry.
        registry: opened from it.
    """

    name: str
    config: RegistryConfig
    registry: Registry


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a retrain ended.

    Attributes:
        results: of every candidate.
        exam: ``labelled`` or ``injected``: what compared them.
        selection: candidates in order and the one taken, None where none could be trained.
        number: its version, None where none was registered.
        decision: whether it serves now, and why.
    """

    results: list[Result]
    exam: str
    selection: Selection | None
    number: int | None
    decision: Decision


def retrain(
    place: Place,
    config: RetrainConfig,
    history: History,
    candidates: list[Candidate],
    delay: int,
    calibration: CalibrationConfig,
    resume: bool,
    progress: Progress,
    told: Callable[[Result], None],
) -> Outcome:
    """Trains all candidates; one that fails does not keep the others from being trained and judged.

    Args:
        place: where the best goes.
        config: how.
        history: rows.
        candidates: at least one.
        delay: rows that a score waits.
        calibration: how limits are set.
        resume: go on with an interrupted retrain of the same history and settings.
        progress: told what is done and how far.
        told: told what became of every candidate.

    Raises:
        ConfigError: there is nothing to resume.
        DataError: the newest rows are too few to compare on.
        RegistryUnavailable: the registry does not answer.
    """
    key = _key(config, history, candidates)
    folder = _folder(config.folder / place.name / key, resume)
    number, champion = champion_of(place)
    windows = [member.window for candidate in candidates for member in candidate.config.members]
    longest = max(map(len, history.train))
    window = max([fit_window(w, longest) for w in windows] + ([champion.detector.window] if champion else []))
    sheet = exam([(part.run.values, part.anomalous) for part in history.test], window, config.seed)
    trainer = Trainer(history, sheet, config.seed, delay, calibration)
    search = _search(config, history, window, delay, calibration)
    journal = place.registry.journal()
    with journal.parent(key, {"detector": place.name, "data_digest": history.digest}) as parent:
        parent.params({"candidates": len(candidates), "exam": sheet.kind, "test_ratio": config.test_ratio})
        results = []
        for done, candidate in enumerate(candidates):
            progress("retrain", done / len(candidates))
            results.append(_result(trainer, search, candidate, folder / candidate.name, journal, key, progress))
            told(results[-1])
        progress("retrain", 1.0)
        trained = {result.name: result for result in results if result.status == "trained"}
        if not trained:
            return Outcome(results, sheet.kind, None, None, Decision(False, "no candidate could be trained"))
        marks = {name: result.marks for name, result in trained.items()}
        selection = select(marks, sheet.kind, AUTO, config.alpha, config.seed, config.trust_injected)
        chosen = selection.chosen
        _note(parent, sheet.kind, selection)
        tags = next(c.tags for c in candidates if c.name == chosen)
        tags = _tags(tags, folder / chosen / "bundle", history, key, trained[chosen], sheet.kind)
        fresh = place.registry.register(folder / chosen / "bundle", tags, trained[chosen].kept)
        place.registry.point({"challenger": fresh})
        if champion is None:
            why = "there is no champion yet" if number is None else f"version {number} cannot serve any more"
            decision = Decision(True, why)
        elif champion.detector.schema.hash != history.schema.hash:
            decision = Decision(False, f"version {number} judges other channels; promote it by hand where they changed")
        else:
            decision = decide(trained[chosen].marks, sit(champion.detector, sheet, delay, calibration), config.alpha)
        return Outcome(results, sheet.kind, selection, fresh, _promoted(place, fresh, number, decision))


def _search(
    config: RetrainConfig, history: History, window: int, delay: int, calibration: CalibrationConfig
) -> "Search | None":
    if not config.search:
        return None
    try:
        from pipelines.retrain.search import Search
    except ModuleNotFoundError as error:
        if error.name != "optuna":
            raise
        raise ConfigError("a search needs optuna: pip install 'reconwatch[train]'.") from error
    return Search(history, config.search, config.test_ratio, window, config.seed, delay, calibration)


def _result(
    trainer: Trainer,
    search: "Search | None",
    candidate: Candidate,
    folder: Path,
    journal: Journal,
    key: str,
    progress: Progress,
) -> Result:
    if result := finished(folder):
        return result
    shutil.rmtree(folder, ignore_errors=True)
    try:
        with journal.child(key, candidate.name, candidate.tags) as run:
            if search and candidate.name != AUTO:
                opened = partial(journal.child, f"{key}/{candidate.name}", tags=candidate.tags)
                candidate = search.best(candidate, opened, lambda step, share: progress(f"search {step}", share))
            return trainer.train(candidate, folder, run, lambda _, share: progress(candidate.name, share))
    except Exception as error:  # noqa: BLE001 - a defect in one variant must not cost the others
        return failure(candidate.name, error, folder)


def _note(run: Run, kind: str, selection: Selection) -> None:
    run.params({"worth": selection.worth})
    for one in selection.standings:
        found = {"mean": one.quality, "low": one.low, "high": one.high}
        run.metrics({f"quality_{kind}/{one.name}/{end}": value for end, value in found.items()})


def _promoted(place: Place, number: int, compared: int | None, decision: Decision) -> Decision:
    if not decision.promote:
        return decision
    try:
        promote(place.registry, place.config, place.name, number, compared)
    except GateRejected as error:
        return Decision(False, str(error))
    return decision


def champion_of(place: Place) -> tuple[int | None, Bundle | None]:
    """Returns the champion and its bundle, which is None where it does not load."""
    number = place.registry.resolve("champion")
    if number is None:
        return None, None
    try:
        return number, load(place.registry.fetch(number))
    except (BundleError, ConfigError):
        return number, None


def _folder(folder: Path, resume: bool) -> Path:
    if resume and not folder.is_dir():
        raise ConfigError(
            f"there is no interrupted retrain of this history with these settings in {folder.parent}; "
            "leave --resume away."
        )
    if not resume:
        shutil.rmtree(folder.parent, ignore_errors=True)  # of this detector, one retrain is kept
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot write to {folder}: {error.strerror}; choose another retrain.folder.") from error
    return folder


def _key(config: RetrainConfig, history: History, candidates: list[Candidate]) -> str:
    digest = hashlib.sha256(f"{history.digest} {config.seed} {config.test_ratio} {config.search}".encode())
    for candidate in candidates:
        digest.update(candidate.config.model_dump_json().encode())
    return digest.hexdigest()[:12]


def _tags(
    tags: Mapping[str, str], bundle: Path, history: History, key: str, result: Result, exam: str
) -> dict[str, str]:
    loaded = load(bundle)
    return {
        **tags,
        "bundle": loaded.version,
        "retrain": key,
        "data_digest": history.digest,
        "schema": history.schema.hash,
        "rows": str(loaded.facts["rows"]),
        f"quality_{exam}": f"{result.marks.mean:.4f}",
        "false_alarms": str(result.false_alarms),
    }
