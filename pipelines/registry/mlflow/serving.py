"""The code that MLflow runs for a registered version: ``mlflow.pyfunc.load_model`` and ``mlflow models serve``.

MLflow keeps this file with the version and executes it on loading (models from code), so nothing is pickled.
"""

from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from detector.api import score
from detector.bundle import load


class Served(PythonModel):
    """Scores tables of readings, one row out for every row in."""

    def load_context(self, context: PythonModelContext) -> None:
        """Reads and proves the bundle."""
        self.bundle = load(Path(context.artifacts["bundle"]))

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Returns anomaly_score, is_anomaly and top_channel, as ``detector.api.score``."""
        return score(self.bundle, model_input, delay=int((params or {}).get("delay", 16)))


mlflow.models.set_model(Served())
