"""The connection to MLflow: quiet, bounded in time, and with the schema upgraded by one process only."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from detector.errors import RegistryUnavailable
from pipelines.registry.base import LOCK_S

os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")  # its bars come off a terminal too

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import mlflow
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient
    from mlflow.utils.logging_utils import disable_logging

    disable_logging()  # "Registered model already exists": nothing that people must know

if TYPE_CHECKING:
    from pipelines.registry.mlflow.config import MlflowConfig


def connect(config: "MlflowConfig") -> MlflowClient:
    """Returns a client of the store; a new or old database is brought to this version's schema first.

    Raises:
        RegistryUnavailable: the store cannot be used.
    """
    with mapped(config.uri):
        config.folder.mkdir(parents=True, exist_ok=True)
        if config.database is not None:
            config.database.parent.mkdir(parents=True, exist_ok=True)
            with locked(config, "schema"):
                _upgraded(config.uri)
        mlflow.set_tracking_uri(config.uri)
        mlflow.set_registry_uri(config.uri)
        return MlflowClient(config.uri, config.uri)


def experiment(config: "MlflowConfig", client: MlflowClient, name: str) -> str:
    """Returns the id of the experiment of a detector, made if there is none."""
    with mapped(config.uri), locked(config, "schema"):
        if found := client.get_experiment_by_name(name):
            return str(found.experiment_id)
        place = None if config.database is None else (config.folder / name).absolute().as_uri()
        return str(client.create_experiment(name, artifact_location=place))


@contextmanager
def locked(config: "MlflowConfig", what: str, lock: FileLock | None = None) -> Iterator[None]:
    """Keeps other processes of this machine out meanwhile."""
    lock = lock or FileLock(config.folder / f".{what}.lock", timeout=LOCK_S)
    try:
        lock.acquire()
    except Timeout as error:
        raise RegistryUnavailable(f"{config.uri} is locked by another change for {LOCK_S:g} s; try again.") from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def mapped(uri: str) -> Iterator[None]:
    """Turns what mlflow raises into our own errors, and its advice to developers into silence."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except (MlflowException, OSError) as error:
            said = str(error).splitlines()[0]
            raise RegistryUnavailable(f"MLflow at {uri} cannot be used: {said}; is it there and running?") from error


def _upgraded(uri: str) -> None:
    from mlflow.store.db import utils

    engine = utils.create_sqlalchemy_engine(uri)
    try:
        if not utils._all_tables_exist(engine):
            utils._initialize_tables(engine)
        elif utils._get_schema_version(engine) != utils._get_latest_schema_revision():
            utils._upgrade_db(engine)
    finally:
        engine.dispose()
