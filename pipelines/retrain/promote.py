"""Which version serves: promotion behind a canary, rollback, and clearing away."""

import subprocess
import sys
from typing import TYPE_CHECKING

from detector.errors import ConfigError, GateRejected
from pipelines.registry.base import Registry

if TYPE_CHECKING:
    from pipelines.registry.table import RegistryConfig

CANARY_S = 120


def prove(config: "RegistryConfig", name: str, number: int) -> None:
    """Loads a version in a process of its own, as daemons and MLflow would, and lets it test itself.

    Raises:
        GateRejected: it does not load, does not score as it did, or does not react to anomalies.
    """
    command = [sys.executable, "-m", "pipelines.retrain.canary", config.model_dump_json(), name, str(number)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=CANARY_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise GateRejected(f"version {number} of {name!r} did not load within {CANARY_S} s.") from error
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"])[-1]
        raise GateRejected(f"version {number} of {name!r} may not serve: {said}")


def promote(
    registry: Registry, config: "RegistryConfig", name: str, number: int, compared: int | None = None
) -> int | None:
    """Makes a version the champion; the champion of before is ``previous`` from then on.

    Args:
        registry: of the detector.
        config: of the registry.
        name: of the detector.
        number: of the version.
        compared: the champion that it was compared with, None where nothing was compared.

    Returns:
        The champion of before.

    Raises:
        ConfigError: there is no such version.
        GateRejected: the version may not serve, or another champion came in between.
    """
    registry.fetch(number)
    prove(config, name, number)
    with registry.lock():
        before = registry.resolve("champion")
        if compared is not None and before != compared:
            raise GateRejected(
                f"version {number} of {name!r} was compared with version {compared}, but version {before} is champion "
                "now; retrain again, or promote it by hand."
            )
        if before == number:
            return before
        registry.point({"previous": before, "champion": number})
        if registry.resolve("challenger") == number:
            registry.point({"challenger": None})
        return before


def rollback(registry: Registry, config: "RegistryConfig", name: str) -> tuple[int, int | None]:
    """Makes the champion of before the champion again; a second rollback takes the first one back.

    Returns:
        The champion now, and the one that was rolled back.

    Raises:
        ConfigError: there is nothing to go back to.
        GateRejected: it may not serve.
    """
    number = registry.resolve("previous")
    if number is None:
        raise ConfigError(f"{name!r} has no previous champion to go back to.")
    prove(config, name, number)
    with registry.lock():
        if registry.resolve("previous") != number:
            raise GateRejected(f"another change of {name!r} came in between; look at reconwatch models list.")
        before = registry.resolve("champion")
        registry.point({"champion": number, "previous": before})
    return number, before


def prune(registry: Registry, keep: int) -> list[int]:
    """Deletes versions that no alias points to, but for the newest ``keep``; returns what was deleted."""
    with registry.lock():
        free = [version.number for version in registry.versions() if not version.aliases]
        for number in free[keep:]:
            registry.delete(number)
    return free[keep:]
