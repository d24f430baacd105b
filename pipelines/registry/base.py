"""What a registry of detectors is: immutable numbered versions of one detector, and aliases that say which serves.

Daemons see a ``Catalogue``, which answers at once and imports nothing heavy; retraining sees the whole ``Registry``
and writes what it did into a ``Journal``.
"""

import logging
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, get_args

from detector.errors import ConfigError, RegistryUnavailable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Alias = Literal["champion", "challenger", "previous"]
ALIASES: tuple[Alias, ...] = get_args(Alias)

log = logging.getLogger(__name__)

LOCK_S = 60.0
"""How long a change waits for another one to finish."""


@dataclass(frozen=True, slots=True)
class Version:
    """One registered bundle.

    Attributes:
        number: counted from 1, never used again.
        tags: what was known when it was registered.
        aliases: that point to it now.
    """

    number: int
    tags: Mapping[str, str]
    aliases: tuple[Alias, ...]


class Catalogue(Protocol):
    """What a daemon asks; every answer comes within seconds or not at all."""

    def resolve(self, alias: Alias) -> int | None:
        """Returns the version that an alias points to, None where it points to none.

        Raises:
            RegistryUnavailable: nobody answers.
        """

    def remembered(self, alias: Alias) -> int | None:
        """Returns what ``resolve`` last said of an alias on this machine, None where nothing is kept for such times."""

    def run_id(self, number: int) -> str:
        """Returns what the training of a version is called in the journal, empty where that is not known.

        Raises:
            RegistryUnavailable: nobody answers.
        """

    def fetch(self, number: int) -> Path:
        """Returns a local folder that holds the bundle of a version.

        Raises:
            ConfigError: there is no such version.
            RegistryUnavailable: nobody answers.
        """


class Serving(NamedTuple):
    """What a daemon begins with.

    Attributes:
        number: of the version.
        bundle: its folder on this machine.
        run_id: of its training, empty where that is not known.
    """

    number: int
    bundle: Path
    run_id: str = ""


def champion(catalogue: Catalogue, name: str) -> Serving:
    """Returns what is to serve; where the registry does not answer, what it last said on this machine.

    Raises:
        ConfigError: there is no champion yet.
        RegistryUnavailable: the registry does not answer and nothing is remembered.
    """
    try:
        number = catalogue.resolve("champion")
        if number is None:
            raise ConfigError(f"the registry has no champion of {name!r} yet; run reconwatch retrain first.")
        return Serving(number, catalogue.fetch(number), catalogue.run_id(number))
    except RegistryUnavailable as error:
        number = catalogue.remembered("champion")
        if number is None:
            raise
        log.warning("%s Version %d serves meanwhile, the last champion known here.", error, number)
        return Serving(number, catalogue.fetch(number))


class Run(Protocol):
    """What is written down about one training; opened and closed by its journal."""

    def params(self, values: Mapping[str, str | int | float]) -> None:
        """Notes settings."""

    def metrics(self, values: Mapping[str, float]) -> None:
        """Notes results; what is not finite is left out."""

    def curve(self, name: str, steps: Sequence[int], values: Sequence[float]) -> None:
        """Notes one value per step of the training."""

    def figure(self, name: str, figure: "Figure") -> None:
        """Keeps a picture as ``name``.png."""

    def file(self, path: Path) -> None:
        """Keeps a file under its own name."""

    def model(self, bundle: Path) -> str:
        """Keeps the bundle and returns what it is known by, empty where only ``register`` keeps bundles."""


class Journal(Protocol):
    """Everything about retrains: a parent run each, and in it a child run per candidate."""

    def parent(self, key: str, tags: Mapping[str, str]) -> AbstractContextManager[Run]:
        """Opens the run of a retrain; the same key goes on with the same run."""

    def child(self, parent: str, name: str, tags: Mapping[str, str]) -> AbstractContextManager[Run]:
        """Opens the run of a candidate of the retrain whose key is ``parent``; a failure in it is written down."""


class Registry(Catalogue, Protocol):
    """Versions of one detector."""

    def register(self, bundle: Path, tags: Mapping[str, str], kept: str = "") -> int:
        """Adds a bundle and returns its number.

        Args:
            bundle: folder of a whole bundle.
            tags: kept with it.
            kept: what ``Run.model`` returned for the same bundle, to keep it once only.
        """

    def versions(self) -> list[Version]:
        """Returns all versions, the newest first."""

    def point(self, aliases: Mapping[Alias, int | None]) -> None:
        """Moves aliases, in order, each in one step that nobody sees half done; None removes one.

        Raises:
            ConfigError: there is no such version.
        """

    def delete(self, number: int) -> None:
        """Removes a version that no alias points to.

        Raises:
            ConfigError: there is no such version, or an alias points to it.
        """

    def lock(self) -> AbstractContextManager[object]:
        """Keeps every other change of this detector on this machine out meanwhile.

        Raises:
            RegistryUnavailable: another change did not finish in time.
        """

    def verify(self, number: int) -> None:
        """Loads a version in every way that the registry offers it to others; bundles are checked elsewhere.

        Raises:
            BundleError: it does not load.
        """

    def journal(self) -> Journal:
        """Returns where retrains of this detector are written down."""


def unknown(name: str, number: int, numbers: Sequence[int]) -> ConfigError:
    """Says that there is no such version."""
    known = ", ".join(map(str, sorted(numbers))) or "none"
    return ConfigError(f"the registry has no version {number} of {name!r}; it has {known}.")


def pointed_at(name: str, number: int, aliases: Sequence[Alias]) -> ConfigError:
    """Says that an alias is in the way."""
    return ConfigError(
        f"version {number} of {name!r} is {' and '.join(aliases)} and cannot be deleted; promote another one first."
    )
