"""Labelled series: windows of their rows, a window for every row that is judged."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from detector.errors import DataError
from detector.evaluation.inject import KINDS, inject
from detector.evaluation.probe import Known
from detector.evaluation.vus import period
from detector.fitting.frames import ordered_times, schema_of
from detector.types import Floats
from detector.windows.scale import ScalerConfig
from pipelines.bakeoff.cases import HELD_OUT_RATIO, Case, evenly
from pipelines.bakeoff.config import BakeoffConfig
from pipelines.io.frames import TIME, read_table

PIECES = 60


def series(path: Path, config: BakeoffConfig) -> Case:
    """Returns the case of one file: learn from its first part, judge by the rows after it.

    Raises:
        DataError: the file cannot be read, holds too few rows or no labelled anomaly after those it is learnt from.
    """
    table = read_table(path)
    if table.labels is None:
        raise DataError(f"{path} has no column is_anomaly to judge by; give labelled data.")
    order, _ = ordered_times(table.frame)
    frame, labels = table.frame.iloc[order].reset_index(drop=True), table.labels[order]
    cut = trained_rows(path) or int(config.train_ratio * len(frame))
    begin, end = max(0, cut - config.learn_rows), min(len(frame), cut + config.rows)
    if not labels[cut:end].any():
        raise DataError(f"{path} has no labelled anomaly in the {end - cut} rows after row {cut}; raise --rows.")
    later = cut - round(HELD_OUT_RATIO * (cut - begin))
    least = config.window + 2
    if min(later - begin, cut - later) < least:
        raise DataError(f"{path} leaves {cut - begin} rows to learn from, too few for windows of {config.window} rows.")
    rows = _scaled(frame[begin:end], cut - begin, config.loss == "bce")
    held_out, tested = later - begin, cut - begin
    schema = schema_of([frame])
    probe, asked = _classes(_windows(rows[held_out:tested], config.window), config.seed)
    return Case(
        name=f"{path.absolute().parent.name}/{path.name.split('.')[0]}",
        channels=schema.names,
        learn=_windows(rows[:held_out], config.window),
        later=_windows(rows[held_out:tested], config.window),
        test=_windows(rows[tested - config.window + 1 :], config.window),
        labels=labels[cut:end],
        probe=probe,
        asked=asked,
        classes="which kind of injected anomaly a window holds, if any",
        period=period(frame[schema.names[0]][cut:end].ffill().fillna(0).to_numpy()),
        rows_per_week=schema.rows_per_week,
    )


def trained_rows(path: Path) -> int | None:
    """Returns how many rows a manifest.json beside a file gives it for training, None where it says nothing."""
    try:
        entries = json.loads((path.parent / "manifest.json").read_text())["series"]
        return next((entry.get("train_rows") for entry in entries if entry["file"] == path.name), None)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path.parent}/manifest.json cannot be read: {error!r}; mend it or move the data.") from error


def _scaled(frame: pd.DataFrame, learnt: int, unit_range: bool) -> Floats:
    """Rows [N, F] float32 on the scale of the first ``learnt`` of them, gaps held."""
    values = frame.drop(columns=TIME).ffill().to_numpy(np.float64)
    if unit_range:
        low, high = np.nanmin(values[:learnt], axis=0), np.nanmax(values[:learnt], axis=0)
        values = np.clip((values - low) / np.where(high > low, high - low, 1), 0, 1)
        return np.nan_to_num(values).astype(np.float32)
    return np.nan_to_num(ScalerConfig().fit(values[:learnt]).transform(values))


def _windows(rows: Floats, length: int) -> Floats:
    view = np.lib.stride_tricks.sliding_window_view(rows, length, axis=0)
    return np.ascontiguousarray(view.transpose(0, 2, 1))


def _classes(windows: Floats, seed: int) -> tuple[Known, Known]:
    """Injects every kind of anomaly into held-out windows: the earlier half may be learnt, the later is asked."""
    length = windows.shape[1]
    halves = windows[: (len(windows) - length) // 2], windows[(len(windows) + length) // 2 :]
    deviation = windows.std(axis=(0, 1), dtype=np.float64)
    found = []
    for number, half in enumerate(halves):
        pieces = half[evenly(len(half), PIECES)].astype(np.float64)
        flat, classes = [pieces.reshape(len(pieces), -1)], [np.zeros(len(pieces), np.int64)]
        for kind_number, kind in enumerate(KINDS, 1):
            made = inject(pieces, kind, slice(length // 4, length), deviation, seed + number)
            changed = made.labels.any(axis=1)
            flat.append(made.values[changed].reshape(int(changed.sum()), -1))
            classes.append(np.full(int(changed.sum()), kind_number))
        found.append(Known(np.concatenate(flat).astype(np.float32), np.concatenate(classes)))
    return found[0], found[1]
