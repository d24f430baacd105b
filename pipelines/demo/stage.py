"""The demonstration's files: what the plant recorded, and the configuration of the daemon that watches it.

Everything is what a user would have: ``history/*.csv`` to train on, ``live.csv`` as the stream, ``config.yaml`` for
``reconwatch run``.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from detector.errors import ConfigError
from detector.fitting.frames import LABEL, TIME
from detector.types import Floats, Ints
from pipelines.demo.faults import Fault, inject
from pipelines.demo.plant import DAY_S, PlantConfig, simulate

SERIES = "pump"
DECIMALS = 3


@dataclass(frozen=True, slots=True)
class Stage:
    """A plant, its records and where they lie.

    Attributes:
        plant: its size.
        out: folder of all files.
        time_ns: [N] int64.
        values: [P, N, F] float64, faults included.
        faults: in order of time.
    """

    plant: PlantConfig
    out: Path
    time_ns: Ints
    values: Floats
    faults: tuple[Fault, ...]

    @property
    def bundle(self) -> Path:
        """Where the trained detector is kept."""
        return self.out / "pump.bundle"

    @property
    def report(self) -> Path:
        """Where the report is written."""
        return self.out / "report.html"

    def history(self) -> dict[str, pd.DataFrame]:
        """Returns the records of every pump before the stream begins."""
        return {name: self._frame(at, slice(0, self.plant.history_rows)) for at, name in enumerate(self.plant.names)}

    def live(self, series: str) -> pd.DataFrame:
        """Returns the streamed records of one pump, its fault labelled."""
        frame = self._frame(self.plant.names.index(series), slice(self.plant.history_rows, None))
        time_ns = self.time_ns[self.plant.history_rows :]
        frame[LABEL] = 0
        for fault in self.faults:
            if fault.series == series:
                frame.loc[(time_ns >= fault.start_ns) & (time_ns <= fault.end_ns), LABEL] = 1
        return frame

    def stream(self) -> pd.DataFrame:
        """Returns the streamed records of all pumps in order of time."""
        rows = slice(self.plant.history_rows, None)
        frames = [self._frame(at, rows) for at in range(self.plant.pumps)]
        for name, frame in zip(self.plant.names, frames, strict=True):
            frame.insert(1, SERIES, name)
        return pd.concat(frames).sort_values(TIME, kind="stable", ignore_index=True)

    def settings(self, seconds: float) -> dict[str, Any]:
        """Returns the daemon's configuration that plays the stream in ``seconds``, at full speed if they are 0."""
        speed = self.plant.live_days * DAY_S / seconds if seconds else None
        return {
            "detector": {"bundle": str(self.bundle), "name": "pumps"},
            "source": {"kind": "file", "paths": [str(self.out / "live.csv")], "speed": speed, "chunk_rows": 2048},
            "decoder": {"kind": "wide", "entity": SERIES},
            "scoring": {"delay": 0},
            "alerts": {"min_duration_rows": 5, "merge_gap_s": 3600},
            "sinks": [{"kind": "console"}, {"kind": "jsonl", "path": str(self.out / "alerts.jsonl")}],
        }

    def _frame(self, pump: int, rows: slice) -> pd.DataFrame:
        frame = pd.DataFrame(self.values[pump, rows], columns=list(self.plant.record_schema.names))
        frame.insert(0, TIME, pd.to_datetime(self.time_ns[rows], utc=True))
        return frame


def build(plant: PlantConfig, seed: int, out: Path) -> Stage:
    """Simulates a plant and breaks ten of its pumps.

    Args:
        plant: its size.
        seed: of everything random; the same seed gives the same records.
        out: folder that the files will lie in.
    """
    rng = np.random.default_rng(seed)
    values, time_ns = simulate(plant, rng), plant.times()
    faults = inject(values, time_ns, plant, rng)
    return Stage(plant, out, time_ns, values.round(DECIMALS), faults)


def write(stage: Stage, seconds: float) -> None:
    """Writes the files of a demonstration; those of an earlier one are replaced.

    Raises:
        ConfigError: the folder cannot be written.
    """
    try:
        (stage.out / "history").mkdir(parents=True, exist_ok=True)
        (stage.out / "alerts.jsonl").unlink(missing_ok=True)
        for name, frame in stage.history().items():
            _csv(frame, stage.out / "history" / f"{name}.csv")
        _csv(stage.stream(), stage.out / "live.csv")
        (stage.out / "config.yaml").write_text(yaml.safe_dump(stage.settings(seconds), sort_keys=False))
        _csv(_told(stage), stage.out / "faults.csv")
    except OSError as error:
        raise ConfigError(
            f"cannot write the demo's files to {stage.out}: {error.strerror}; choose another --out."
        ) from error


def _csv(frame: pd.DataFrame, path: Path) -> None:
    frame.to_csv(path, index=False, date_format="%Y-%m-%dT%H:%M:%SZ")


def _told(stage: Stage) -> pd.DataFrame:
    rows = [(f.kind, f.series, *pd.to_datetime([f.start_ns, f.end_ns], utc=True)) for f in stage.faults]
    return pd.DataFrame(rows, columns=["fault", SERIES, "start", "end"])
