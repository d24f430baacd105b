"""Retrains and bake-offs as MLflow runs: one parent each, one nested run per candidate, every bundle a logged model."""

import json
import math
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import mlflow
from mlflow.entities import Metric
from mlflow.models import ModelSignature
from mlflow.tracking import MlflowClient
from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema
from mlflow.types.schema import AnyType
from mlflow.utils.time import get_current_time_millis

from detector.windows.schema import Schema as Channels
from pipelines.registry.mlflow.store import mapped

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BATCH = 1000


class MlflowJournal:
    """Runs in one experiment.

    Args:
        client: of the store.
        experiment: id of the experiment.
        uri: of the store, for messages.
        what: what is written down, the first word of the parents' names.
    """

    def __init__(self, client: MlflowClient, experiment: str, uri: str, what: str = "retrain") -> None:
        self._client, self._experiment, self._uri, self._what = client, experiment, uri, what
        self._tag = f"reconwatch.{what}"

    @contextmanager
    def parent(self, key: str, tags: Mapping[str, str]) -> "Iterator[MlflowRun]":
        """As in ``Journal``."""
        with self._opened(key, f"{self._what} {key}", tags, None) as run:
            yield run

    @contextmanager
    def child(self, parent: str, name: str, tags: Mapping[str, str]) -> "Iterator[MlflowRun]":
        """As in ``Journal``."""
        with self._opened(f"{parent}/{name}", name, tags, self._found(parent)) as run:
            yield run

    @contextmanager
    def _opened(self, key: str, name: str, tags: Mapping[str, str], parent: str | None) -> "Iterator[MlflowRun]":
        with mapped(self._uri):
            found = self._found(key)
            run = mlflow.start_run(
                run_id=found,
                experiment_id=None if found else self._experiment,
                run_name=None if found else name,
                nested=parent is not None,
                parent_run_id=None if found else parent,
                tags=dict(tags) | {self._tag: key},
            )
        with run:
            yield MlflowRun(self._client, run.info.run_id, self._uri)

    def _found(self, key: str) -> str | None:
        runs = self._client.search_runs([self._experiment], f"tags.`{self._tag}` = '{key}'", max_results=1)
        return str(runs[0].info.run_id) if runs else None


class MlflowRun:
    """One run, active while it is open.

    Args:
        client: of the store.
        run_id: of the run.
        uri: of the store, for messages.
    """

    def __init__(self, client: MlflowClient, run_id: str, uri: str) -> None:
        self._client, self._run_id, self._uri = client, run_id, uri

    def params(self, values: Mapping[str, str | int | float]) -> None:
        """As in ``Run``."""
        with mapped(self._uri):
            mlflow.log_params(dict(values))

    def metrics(self, values: Mapping[str, float]) -> None:
        """As in ``Run``."""
        with mapped(self._uri):
            mlflow.log_metrics({name: float(value) for name, value in values.items() if math.isfinite(value)})

    def curve(self, name: str, steps: Sequence[int], values: Sequence[float]) -> None:
        """As in ``Run``."""
        now_ms = get_current_time_millis()
        metrics = [Metric(name, float(v), now_ms, int(s)) for s, v in zip(steps, values, strict=True)]
        with mapped(self._uri):
            for begin in range(0, len(metrics), _BATCH):
                self._client.log_batch(self._run_id, metrics=metrics[begin : begin + _BATCH])

    def figure(self, name: str, figure: "Figure") -> None:
        """As in ``Run``."""
        with mapped(self._uri):
            self._client.log_figure(self._run_id, figure, f"{name}.png")

    def file(self, path: Path) -> None:
        """As in ``Run``."""
        with mapped(self._uri):
            self._client.log_artifact(self._run_id, str(path))

    def model(self, bundle: Path) -> str:
        """As in ``Run``."""
        with mapped(self._uri):
            return logged(bundle)


def logged(bundle: Path) -> str:
    """Logs a bundle as a model of the active run and returns its address."""
    with tempfile.TemporaryDirectory() as folder:
        named = shutil.copytree(bundle, Path(folder) / "bundle")  # MLflow keeps the name of the folder
        found = mlflow.pyfunc.log_model(
            name="bundle",
            python_model=str(Path(__file__).with_name("serving.py")),
            artifacts={"bundle": str(named)},
            signature=_signature(bundle),
            pip_requirements=[f"reconwatch=={version('reconwatch')}"],
        )
    return str(found.model_uri)


def _signature(bundle: Path) -> ModelSignature:
    schema = Channels(**json.loads((bundle / "manifest.json").read_bytes())["schema"])
    # Of any type: MLflow's datetime takes no time zone, and whole numbers are times too.
    time = ColSpec(AnyType(), "timestamp")
    return ModelSignature(
        Schema([time, *(ColSpec("double", name) for name in schema.names)]),
        Schema(
            [ColSpec("double", "anomaly_score"), ColSpec("boolean", "is_anomaly"), ColSpec("string", "top_channel")]
        ),
        ParamSchema([ParamSpec("delay", "integer", 16)]),
    )
