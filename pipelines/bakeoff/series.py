"""Labelled series: windows of their rows, a window for every row that is judged."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from detector.errors import DataError
from detector.evaluation.probe import Known
from detector.evaluation.vus import period
from detector.fitting.frames import ordered_times, schema_of
from detector.types import Bools, Floats
from detector.windows.scale import ScalerConfig
from pipelines.bakeoff.cases import HELD_OUT_RATIO, Case
from pipelines.bakeoff.config import BakeoffConfig
from pipelines.io.frames import TIME, read_table

BLOCK_WINDOWS = 4
"""Length, in windows, of the blocks of rows that a probe learns from or is asked about in turn."""


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
    if min(later - begin, cut - later) < config.window + 2:
        raise DataError(f"{path} leaves {cut - begin} rows to learn from, too few for windows of {config.window} rows.")
    rows = _scaled(frame[begin:end], cut - begin, config.loss == "bce")
    held_out, tested = later - begin, cut - begin
    schema = schema_of([frame])
    test = _windows(rows[tested - config.window + 1 :], config.window)
    probe, asked = _classes(test, labels[cut:end])
    return Case(
        name=f"{path.absolute().parent.name}/{path.name.split('.')[0]}",
        channels=schema.names,
        learn=_windows(rows[:held_out], config.window),
        later=_windows(rows[held_out:tested], config.window),
        test=test,
        labels=labels[cut:end],
        probe=probe,
        asked=asked,
        classes="whether a window holds an anomalous row",
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


def _classes(windows: Floats, labels: Bools) -> tuple[Known, Known]:
    """Splits windows into those whose class may be learnt and those that are asked; no row is in both.

    Blocks of rows alternate between the two, so that an anomaly longer than a block is in both of them. A window is
    anomalous if any row of it is.
    """
    length = windows.shape[1]
    row = np.arange(len(windows))
    recent = np.cumsum(labels) - np.concatenate([np.zeros(length, int), np.cumsum(labels)])[: len(labels)]
    classes = (recent > 0).astype(np.int64)
    block, place = np.divmod(row, BLOCK_WINDOWS * length)
    whole = place >= length - 1
    flat = windows.reshape(len(windows), -1)
    learnt, asked = (whole & (block % 2 == part) for part in (0, 1))
    return Known(flat[learnt], classes[learnt]), Known(flat[asked], classes[asked])
