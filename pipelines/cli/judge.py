"""One labelled series, judged: the detector and every baseline, learnt from its first rows and measured on the rest."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from detector.api import DELAY, fit, score
from detector.bundle import load
from detector.calibration.table import DEFAULT
from detector.errors import ConfigError, DataError
from detector.evaluation.baselines import BASELINES, Baseline, Series, centred
from detector.evaluation.measure import measure
from detector.evaluation.vus import period
from detector.fitting.dataset import HELD_OUT_RATIO, HELD_OUT_ROWS
from detector.fitting.frames import ordered_times
from detector.types import Floats
from pipelines.io.frames import TIME, read_table

OURS = "reconwatch"
FIGURES = (
    "vus_pr",
    "causal_vus_pr",
    "auc_pr",
    "auc_roc",
    "event_precision",
    "event_recall",
    "event_delay_rows",
    "false_alarms_per_week",
    "realised_ratio",
)

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Task:
    """A series to judge.

    Attributes:
        collection: where it belongs.
        series: its name.
        path: CSV or CSV.gz with a column is_anomaly.
        train_rows: rows to learn from; None takes ``train_ratio`` of them.
        train_ratio: share of the rows to learn from.
        most_rows: rows to score after those, None scores all.
        bundle: detector to judge; None fits one to the rows to learn from.
        seed: of everything random.
    """

    collection: str
    series: str
    path: Path
    train_rows: int | None
    train_ratio: float
    most_rows: int | None
    bundle: Path | None
    seed: int


def judge(task: Task) -> list[Record]:
    """Returns one record of ``FIGURES`` per method; figures of alarms are those of delayed scores.

    Raises:
        DataError: the series has no labelled anomaly to judge by, or too few rows.
    """
    table = read_table(task.path)
    if table.labels is None:
        raise DataError(f"{task.path} has no column is_anomaly to judge by; give labelled data.")
    order, _ = ordered_times(table.frame)
    frame, labels = table.frame.iloc[order].reset_index(drop=True), table.labels[order]
    cut = task.train_rows if task.train_rows is not None else int(task.train_ratio * len(frame))
    end = None if task.most_rows is None else cut + task.most_rows
    history, recent, labels = frame[:cut], frame[cut:end].reset_index(drop=True), labels[cut:end]
    if not labels.any():
        raise DataError(f"{task.path} has no labelled anomaly after its first {cut} rows; there is nothing to judge.")
    bundle = load(task.bundle) if task.bundle else fit(history, seed=task.seed)
    schema = bundle.detector.schema
    names = list(schema.names)
    buffer = period(recent[names[0]].ffill().fillna(0).to_numpy())
    rows_per_week = schema.rows_per_week

    def record(method: str, delay: int, scores: Floats, causal: Floats, limit: float) -> Record:
        figures = asdict(measure(labels, scores, limit, buffer, rows_per_week, delay))
        figures["causal_vus_pr"] = measure(labels, causal, limit, buffer, rows_per_week).vus_pr
        about = {"collection": task.collection, "series": task.series, "channels": len(names), "rows": len(recent)}
        return about | {"method": method} | {name: figures[name] for name in FIGURES}

    delayed, causal = (score(bundle, recent, delay).anomaly_score.to_numpy() for delay in (DELAY, 0))
    records = [record(OURS, DELAY, delayed, causal, 1.0)]
    train, test = (np.nan_to_num(bundle.detector.scaler.transform(_values(f, names))) for f in (history, recent))
    if len(train) < 2:
        raise DataError(f"{task.path} leaves {len(train)} rows for the baselines to learn from; raise --train-ratio.")
    held_out = len(train) - min(HELD_OUT_ROWS, max(1, round(HELD_OUT_RATIO * len(train))))
    for name, baseline in available():
        calm = _scores(baseline, Series(train[:held_out], train[held_out:], task.seed))[0]
        limit = DEFAULT.fit([calm], rows_per_week).limit
        whole = Series(train, test, task.seed)
        delayed, causal = _scores(baseline, whole)
        records.append(record(name, whole.window // 2 if baseline.windowed else 0, delayed, causal, limit))
    return records


def available() -> Iterator[tuple[str, Baseline]]:
    """Yields the baselines that can run here; the isolation forest needs scikit-learn."""
    from importlib.util import find_spec

    for name, baseline in BASELINES.items():
        if name != "isolation forest" or find_spec("sklearn"):
            yield name, baseline


def collections(folder: Path) -> Iterator[tuple[str, str, Path, int | None]]:
    """Yields (collection, series, file, rows to learn from) of the series of a folder that are there to be judged.

    Args:
        folder: a collection with its ``manifest.json``, or a folder of collections.

    Raises:
        ConfigError: there is no manifest, or one cannot be read.
    """
    manifest = "manifest.json"
    places = [folder] if (folder / manifest).is_file() else sorted(p.parent for p in folder.glob(f"*/{manifest}"))
    if not places:
        raise ConfigError(f"{folder} holds no manifest.json, nor does a folder in it; name a folder of collections.")
    for place in places:
        try:
            for entry in json.loads((place / manifest).read_text())["series"]:
                if entry.get("evaluation", True):
                    yield place.name, entry["id"], place / entry["file"], entry.get("train_rows")
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(
                f"{place / manifest} cannot be read: {error!r}; it needs a list 'series' of objects with "
                "'id' and 'file'."
            ) from error


def _values(frame: pd.DataFrame, names: list[str]) -> Floats:
    return frame.drop(columns=TIME)[names].ffill().to_numpy(np.float64)


def _scores(baseline: Baseline, series: Series) -> tuple[Floats, Floats]:
    """Returns delayed and causal scores."""
    causal = baseline.score(series)
    return (centred(causal, series.window) if baseline.windowed else causal), causal
