"""A registry that is a plain folder: ``<path>/<name>/versions/<number>/{bundle,tags.json}`` and ``registry.json``.

Versions appear whole by a rename and are never changed; ``registry.json`` holds all aliases and is replaced as a
whole, so that a reader sees the aliases before or after a change and nothing in between.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from detector.errors import RegistryUnavailable
from pipelines.registry.base import LOCK_S, Alias, Version, pointed_at, unknown
from pipelines.registry.local_journal import LocalJournal


class LocalConfig(BaseModel):
    """A folder on this machine, or one that several machines mount."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["local"] = "local"
    path: Path = Field(default=Path("reconwatch-data/registry"), description="Folder of the registry")

    def open(self, name: str) -> "LocalRegistry":
        """Returns the registry of the detector called ``name``."""
        return LocalRegistry(self.path / name, name)

    def catalogue(self, name: str) -> "LocalRegistry":
        """Returns what a daemon asks."""
        return self.open(name)


class _State(BaseModel):
    model_config = ConfigDict(extra="forbid")

    last: int = 0
    aliases: dict[Alias, int] = {}


class _Tags(BaseModel):
    model_config = ConfigDict(extra="forbid")

    tags: dict[str, str]


class LocalRegistry:
    """Versions of one detector in a folder.

    Args:
        folder: made when the first version is registered.
        name: of the detector.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._versions = folder / "versions"
        self._lock = FileLock(folder / ".lock", timeout=LOCK_S)

    def resolve(self, alias: Alias) -> int | None:
        """As in ``Catalogue``."""
        return self._state().aliases.get(alias)

    def remembered(self, alias: Alias) -> int | None:
        """As in ``Catalogue``: nothing, what is here needs no copy."""
        return None

    def run_id(self, number: int) -> str:
        """As in ``Catalogue``; the key of the retrain."""
        self._check(number)
        with _reported(self._folder):
            content = (self._versions / str(number) / "tags.json").read_bytes()
            return _Tags.model_validate_json(content).tags.get("retrain", "")

    def fetch(self, number: int) -> Path:
        """As in ``Catalogue``; the folder of the registry itself."""
        self._check(number)
        return self._versions / str(number) / "bundle"

    def register(self, bundle: Path, tags: Mapping[str, str], kept: str = "") -> int:
        """As in ``Registry``."""
        del kept
        with self.lock(), _reported(self._folder):
            state = self._state()
            number = state.last + 1
            self._versions.mkdir(exist_ok=True)
            fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=self._versions))
            try:
                shutil.copytree(bundle, fresh / "bundle")
                (fresh / "tags.json").write_text(_Tags(tags=dict(tags)).model_dump_json(), encoding="utf-8")
                fresh.chmod(0o755)
                # The number is spent first: a number is never given twice, even if the power fails in between.
                self._save(state.model_copy(update={"last": number}))
                os.replace(fresh, self._versions / str(number))
            finally:
                shutil.rmtree(fresh, ignore_errors=True)
        return number

    def versions(self) -> list[Version]:
        """As in ``Registry``."""
        aliases = self._state().aliases
        with _reported(self._folder):
            return [
                Version(
                    number,
                    _Tags.model_validate_json((self._versions / str(number) / "tags.json").read_bytes()).tags,
                    tuple(alias for alias, to in aliases.items() if to == number),
                )
                for number in sorted(self._numbers(), reverse=True)
            ]

    def point(self, aliases: Mapping[Alias, int | None]) -> None:
        """As in ``Registry``; all of them in one step."""
        with self.lock():
            for number in aliases.values():
                if number is not None:
                    self._check(number)
            state = self._state()
            moved = {alias: to for alias, to in (state.aliases | dict(aliases)).items() if to is not None}
            self._save(state.model_copy(update={"aliases": moved}))

    def delete(self, number: int) -> None:
        """As in ``Registry``."""
        with self.lock(), _reported(self._folder):
            self._check(number)
            if pointing := [alias for alias, to in self._state().aliases.items() if to == number]:
                raise pointed_at(self._name, number, pointing)
            doomed = self._versions / f".old-{number}"
            os.replace(self._versions / str(number), doomed)
            shutil.rmtree(doomed)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """As in ``Registry``; the holder may enter again."""
        with _reported(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            try:
                self._lock.acquire()
            except Timeout as error:
                raise RegistryUnavailable(
                    f"the registry {self._folder} is locked by another change for {LOCK_S:g} s; try again."
                ) from error
        try:
            yield
        finally:
            self._lock.release()

    def verify(self, number: int) -> None:
        """As in ``Registry``: there is nothing but the bundle."""
        self._check(number)

    def journal(self) -> LocalJournal:
        """As in ``Registry``."""
        return LocalJournal(self._folder / "runs")

    def _numbers(self) -> list[int]:
        if not self._versions.is_dir():
            return []
        return [int(path.name) for path in self._versions.iterdir() if path.name.isdecimal()]

    def _check(self, number: int) -> None:
        if not (self._versions / str(number)).is_dir():
            raise unknown(self._name, number, self._numbers())

    def _state(self) -> _State:
        path = self._folder / "registry.json"
        try:
            return _State.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return _State()
        except ValidationError as error:
            raise RegistryUnavailable(f"{path} is damaged; restore it, or remove it and promote anew.") from error
        except OSError as error:
            raise RegistryUnavailable(f"cannot read {path}: {error.strerror}; check the folder.") from error

    def _save(self, state: _State) -> None:
        fresh = self._folder / ".registry.json.new"
        with _reported(self._folder):
            with fresh.open("w", encoding="utf-8") as file:
                file.write(state.model_dump_json())
                file.flush()
                os.fsync(file.fileno())
            os.replace(fresh, self._folder / "registry.json")


@contextmanager
def _reported(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, shutil.Error, ValidationError) as error:
        reason = getattr(error, "strerror", None) or error
        raise RegistryUnavailable(f"cannot use the registry {folder}: {reason}; check the folder.") from error
