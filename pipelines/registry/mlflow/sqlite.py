"""What a daemon asks an SQLite database of MLflow: one query each, read-only, without importing mlflow."""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

from detector.errors import RegistryUnavailable
from pipelines.registry.base import Alias, unknown

BUNDLE = "artifacts/bundle"
"""Where a bundle lies in the folder of a logged model."""

_ALIAS = "SELECT version FROM registered_model_aliases WHERE name = ? AND alias = ?"
_RUN = "SELECT run_id FROM model_versions WHERE name = ? AND version = ?"
_VERSIONS = "SELECT version, storage_location FROM model_versions WHERE name = ? AND current_stage = 'None'"


class SqliteCatalogue:
    """Aliases and versions of one registered model.

    Args:
        database: file.
        name: of the registered model.
        timeout_s: how long a writer may keep the database locked.
    """

    def __init__(self, database: Path, name: str, timeout_s: float) -> None:
        self._database, self._name, self._timeout_s = database, name, timeout_s

    def resolve(self, alias: Alias) -> int | None:
        """As in ``Catalogue``."""
        rows = self._rows(_ALIAS, self._name, alias)
        return int(rows[0][0]) if rows else None

    def remembered(self, alias: Alias) -> int | None:
        """As in ``Catalogue``: nothing, what is here needs no copy."""
        return None

    def run_id(self, number: int) -> str:
        """As in ``Catalogue``."""
        rows = self._rows(_RUN, self._name, number)
        return str(rows[0][0] or "") if rows else ""

    def fetch(self, number: int) -> Path:
        """As in ``Catalogue``; the folder in the artifacts itself."""
        places = dict(self._rows(_VERSIONS, self._name))
        if number not in places:
            raise unknown(self._name, number, list(places))
        return place(places[number]) / BUNDLE

    def _rows(self, query: str, *values: str | int) -> list[tuple]:
        try:
            address = f"{self._database.absolute().as_uri()}?mode=ro"
            with closing(sqlite3.connect(address, uri=True, timeout=self._timeout_s)) as connection:
                return connection.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise RegistryUnavailable(
                f"cannot read the registry {self._database}: {error}; is it the database of MLflow?"
            ) from error


def place(location: str) -> Path:
    """Returns the folder that an artifact location names.

    Raises:
        RegistryUnavailable: it is not on this machine.
    """
    parts = urlsplit(location)
    if parts.scheme not in ("", "file"):
        raise RegistryUnavailable(
            f"the artifacts lie at {location}, which only MLflow can read; have its server hand them out "
            "(mlflow server --serve-artifacts)."
        )
    return Path(unquote(parts.path))
