"""Records of a small pump station: quiet days to learn from, quiet hours that are streamed, and then a leak."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from pipelines.demo.faults import KINDS
from pipelines.demo.plant import PlantConfig, simulate
from pipelines.demo.stage import DECIMALS, SERIES

PUMPS, HISTORY_DAYS, QUIET_ROWS, FAULT_ROWS = 10, 4, 600, 90
KIND = "leak"


class Records(NamedTuple):
    """Files of the plant.

    Attributes:
        quiet: readings before the fault.
        faulty: readings that show it.
        series: the pump that breaks.
    """

    quiet: Path
    faulty: Path
    series: str


def write(folder: Path, seed: int) -> Records:
    """Simulates the plant and writes ``history/*.csv`` and the two parts of the stream."""
    config = PlantConfig(pumps=PUMPS, history_days=HISTORY_DAYS, live_days=1)
    rng = np.random.default_rng(seed)
    values, start = simulate(config, rng), config.history_rows + QUIET_ROWS
    KINDS[KIND].apply(values[0, start : start + FAULT_ROWS], rng)
    times = pd.to_datetime(config.times(), utc=True)
    frames = {
        name: pd.DataFrame(values[at].round(DECIMALS), columns=list(config.record_schema.names)).assign(timestamp=times)
        for at, name in enumerate(config.names)
    }
    (folder / "history").mkdir(parents=True, exist_ok=True)
    for name, frame in frames.items():
        _csv(frame[: config.history_rows], folder / "history" / f"{name}.csv")
    parts = {"quiet": slice(config.history_rows, start), "faulty": slice(start, start + FAULT_ROWS)}
    for part, rows in parts.items():
        stream = pd.concat([frame[rows].assign(**{SERIES: name}) for name, frame in frames.items()])
        _csv(stream.sort_values("timestamp", kind="stable"), folder / f"{part}.csv")
    return Records(folder / "quiet.csv", folder / "faulty.csv", config.names[0])


def _csv(frame: pd.DataFrame, path: Path) -> None:
    frame.to_csv(path, index=False, date_format="%Y-%m-%dT%H:%M:%SZ")
