"""Where MLflow keeps detectors. Nothing here imports mlflow: daemons ask the database or the server themselves."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from detector.errors import ConfigError
from pipelines.registry.base import Catalogue
from pipelines.registry.mlflow.rest import RestCatalogue
from pipelines.registry.mlflow.sqlite import SqliteCatalogue

if TYPE_CHECKING:
    from pipelines.registry.mlflow.journal import MlflowJournal
    from pipelines.registry.mlflow.registry import MlflowRegistry

SQLITE = "sqlite:///"


class MlflowConfig(BaseModel):
    """MLflow: an SQLite database with a folder of artifacts beside it, or a tracking server."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["mlflow"] = "mlflow"
    uri: str = Field(default=f"{SQLITE}reconwatch-data/mlflow.db", description="sqlite:///FILE or http(s)://HOST:PORT")
    folder: Path = Field(
        default=Path("reconwatch-data/mlflow"),
        description="Artifacts of an SQLite database, locks, and bundles fetched from a server",
    )
    timeout_s: float = Field(default=2.0, gt=0, description="How long a daemon waits for an answer")

    @field_validator("uri")
    @classmethod
    def _known(cls, uri: str) -> str:
        if not uri.startswith((SQLITE, "http://", "https://")):
            raise ValueError("must begin with sqlite:///, http:// or https://")
        if "@" in urlsplit(uri).netloc:
            raise ValueError("holds a password; set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD instead")
        return uri

    @property
    def database(self) -> Path | None:
        """The SQLite file, None where a server is asked."""
        return Path(self.uri.removeprefix(SQLITE)) if self.uri.startswith(SQLITE) else None

    def catalogue(self, name: str) -> Catalogue:
        """Returns what a daemon asks about the detector called ``name``."""
        if self.database is not None:
            return SqliteCatalogue(self.database, name, self.timeout_s)
        return RestCatalogue(self.uri.rstrip("/"), name, self.folder / "fetched" / _host(self.uri), self.timeout_s)

    def open(self, name: str) -> "MlflowRegistry":
        """Returns the registry of the detector called ``name``.

        Raises:
            ConfigError: mlflow is not installed.
            RegistryUnavailable: the store cannot be used.
        """
        with _installed():
            from pipelines.registry.mlflow.registry import MlflowRegistry
        return MlflowRegistry(self, name)

    def journal(self, what: str) -> "MlflowJournal":
        """Returns where runs that train no detector are written down, in an experiment called ``what``.

        Raises:
            ConfigError: mlflow is not installed.
            RegistryUnavailable: the store cannot be used.
        """
        with _installed():
            from pipelines.registry.mlflow.journal import MlflowJournal
            from pipelines.registry.mlflow.store import connect, experiment
        client = connect(self)
        return MlflowJournal(client, experiment(self, client, what), self.uri, what)


@contextmanager
def _installed() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "mlflow":
            raise
        raise ConfigError("what is kept in MLflow needs mlflow: pip install 'reconwatch[train]'.") from error


def _host(uri: str) -> str:
    return urlsplit(uri).netloc.rpartition("@")[2].replace(":", "-")
