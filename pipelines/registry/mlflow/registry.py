"""Detectors in MLflow: one registered model per detector, its versions logged models, aliases as MLflow has them."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import mlflow
from filelock import FileLock
from mlflow.entities.model_registry import ModelVersion

from detector.errors import BundleError
from pipelines.registry.base import ALIASES, LOCK_S, Alias, Version, pointed_at, unknown
from pipelines.registry.mlflow.journal import MlflowJournal, logged
from pipelines.registry.mlflow.store import connect, experiment, locked, mapped

if TYPE_CHECKING:
    from pipelines.registry.mlflow.config import MlflowConfig


class MlflowRegistry:
    """Versions of one detector.

    Args:
        config: where.
        name: of the detector and of the registered model.

    Raises:
        RegistryUnavailable: the store cannot be used.
    """

    def __init__(self, config: "MlflowConfig", name: str) -> None:
        self._config, self._name = config, name
        self._client = connect(config)
        self._experiment = experiment(config, self._client, name)
        self._catalogue = config.catalogue(name)
        self._lock = FileLock(config.folder / f".{name}.lock", timeout=LOCK_S)

    def resolve(self, alias: Alias) -> int | None:
        """As in ``Catalogue``."""
        return self._catalogue.resolve(alias)

    def remembered(self, alias: Alias) -> int | None:
        """As in ``Catalogue``."""
        return self._catalogue.remembered(alias)

    def run_id(self, number: int) -> str:
        """As in ``Catalogue``."""
        return self._catalogue.run_id(number)

    def fetch(self, number: int) -> Path:
        """As in ``Catalogue``."""
        self._check(number)
        return self._catalogue.fetch(number)

    def register(self, bundle: Path, tags: Mapping[str, str], kept: str = "") -> int:
        """As in ``Registry``."""
        with self.lock(), mapped(self._config.uri):
            if not kept:
                with mlflow.start_run(experiment_id=self._experiment, run_name="register"):
                    kept = logged(bundle)
            if not self._known():
                self._client.create_registered_model(self._name)
            return int(mlflow.register_model(kept, self._name, tags=dict(tags)).version)

    def versions(self) -> list[Version]:
        """As in ``Registry``."""
        with mapped(self._config.uri):
            if not self._known():
                return []
            # Searching for versions tells no aliases: those stand with the registered model.
            pointing = self._client.get_registered_model(self._name).aliases
            found = [Version(int(v.version), dict(v.tags), _aliases(pointing, int(v.version))) for v in self._found()]
        return sorted(found, key=lambda version: -version.number)

    def point(self, aliases: Mapping[Alias, int | None]) -> None:
        """As in ``Registry``."""
        with self.lock():
            for number in aliases.values():
                if number is not None:
                    self._check(number)
            with mapped(self._config.uri):
                for alias, number in aliases.items():
                    if number is None:
                        self._client.delete_registered_model_alias(self._name, alias)
                    else:
                        self._client.set_registered_model_alias(self._name, alias, str(number))

    def delete(self, number: int) -> None:
        """As in ``Registry``; the logged model goes too, its files by ``mlflow gc``."""
        with self.lock():
            self._check(number)
            with mapped(self._config.uri):
                if pointing := _aliases(self._client.get_registered_model(self._name).aliases, number):
                    raise pointed_at(self._name, number, pointing)
                source = self._client.get_model_version(self._name, str(number)).source or ""
                self._client.delete_model_version(self._name, str(number))
                self._client.delete_logged_model(source.removeprefix("models:/"))

    def lock(self) -> AbstractContextManager[None]:
        """As in ``Registry``; the holder may enter again."""
        return locked(self._config, self._name, self._lock)

    def verify(self, number: int) -> None:
        """As in ``Registry``: MLflow itself loads it."""
        self._check(number)
        with _loading(self._name, number), mapped(self._config.uri):
            mlflow.pyfunc.load_model(f"models:/{self._name}/{number}")

    def journal(self) -> MlflowJournal:
        """As in ``Registry``."""
        return MlflowJournal(self._client, self._experiment, self._config.uri)

    def _known(self) -> bool:
        return bool(self._client.search_registered_models(filter_string=f"name = '{self._name}'", max_results=1))

    def _found(self) -> Iterator[ModelVersion]:
        token = None
        while True:
            page = self._client.search_model_versions(f"name = '{self._name}'", page_token=token)
            yield from page
            if not (token := page.token):
                return

    def _check(self, number: int) -> None:
        with mapped(self._config.uri):
            numbers = [int(version.version) for version in self._found()]
        if number not in numbers:
            raise unknown(self._name, number, numbers)


@contextmanager
def _loading(name: str, number: int) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise BundleError(f"MLflow cannot load version {number} of {name!r}: {error}; retrain it.") from error


def _aliases(pointing: Mapping[str, str | int], number: int) -> tuple[Alias, ...]:
    return tuple(alias for alias in ALIASES if alias in pointing and int(pointing[alias]) == number)
