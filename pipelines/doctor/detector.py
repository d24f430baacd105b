"""Looks at the detector: does the registry answer, and is what would serve whole?"""

from collections.abc import Iterator
from pathlib import Path

from detector.bundle import Bundle, load
from detector.errors import ReconwatchError
from pipelines.doctor.finding import Finding, failed, fine
from pipelines.registry.base import Catalogue
from pipelines.serving import model
from pipelines.settings import Settings


def examine(settings: Settings) -> Iterator[Finding]:
    """Fetches what would serve and makes it ready, as the daemon does when it starts."""
    path = settings.detector.bundle
    catalogue = settings.detector.catalogue()
    if catalogue:
        found, path = _champion(catalogue, settings.detector.name)
        yield found
    if path:
        yield _serves(settings, path)


def served(settings: Settings) -> Bundle | None:
    """Returns the bundle that would serve, None where there is none."""
    try:
        catalogue = settings.detector.catalogue()
        number = catalogue.resolve("champion") if catalogue else None
        path = catalogue.fetch(number) if catalogue and number is not None else settings.detector.bundle
        return load(path) if path else None
    except ReconwatchError:
        return None


def _champion(catalogue: Catalogue, name: str) -> tuple[Finding, Path | None]:
    try:
        number = catalogue.resolve("champion")
        if number is None:
            told = f"answers, and has no champion of {name!r} yet"
            return Finding("registry", "fail", told, "run reconwatch retrain, or reconwatch models promote"), None
        return fine("registry", f"answers; version {number} of {name!r} is the champion"), catalogue.fetch(number)
    except ReconwatchError as error:
        return failed("registry", error), None


def _serves(settings: Settings, path: Path) -> Finding:
    try:
        bundle = load(path)
        model(settings, bundle)
    except ReconwatchError as error:
        return failed("detector", error)
    channels = ", ".join(bundle.detector.schema.names)
    if not bundle.facts["self_test"]["passed"]:
        told = f"{path} failed its self-test: its scores do not rise on injected anomalies"
        return Finding("detector", "warn", told, "train it again on data without anomalies")
    return fine("detector", f"{path} is whole and scores as when it was trained; it judges {channels}")
