"""Known incidents: intervals of time that nothing is learnt from, and that count as anomalies in comparisons."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from detector.errors import ConfigError, DataError
from detector.fitting.frames import TIME, times
from detector.types import Bools, Ints


@dataclass(frozen=True, slots=True)
class Incident:
    """One interval.

    Attributes:
        start_ns: first moment.
        end_ns: last moment.
        series: the only series concerned, empty for all.
    """

    start_ns: int
    end_ns: int
    series: str = ""


def read_incidents(path: Path) -> list[Incident]:
    """Reads a YAML list of mappings or a CSV file with the columns start, end and, if wanted, series.

    Raises:
        ConfigError: the file cannot be read or an interval makes no sense; the message names it.
    """
    try:
        if path.suffix.lower() in (".yaml", ".yml"):
            rows = yaml.safe_load(path.read_text(encoding="utf-8")) or []
        else:
            rows = pd.read_csv(path, dtype=str).dropna(how="all").to_dict("records")
        return [_incident(row, path, number) for number, row in enumerate(rows, 1)]
    except (OSError, UnicodeDecodeError, yaml.YAMLError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise ConfigError(f"{path} cannot be read as incidents: {' '.join(str(error).split())}.") from error


def within(incidents: list[Incident], series: str, time_ns: Ints) -> Bools:
    """Returns which moments [N] of a series lie in an incident."""
    found = np.zeros(len(time_ns), np.bool_)
    for incident in incidents:
        if incident.series in ("", series):
            found |= (time_ns >= incident.start_ns) & (time_ns <= incident.end_ns)
    return found


def _incident(row: object, path: Path, number: int) -> Incident:
    if not isinstance(row, dict) or not {"start", "end"} <= row.keys() <= {"start", "end", "series"}:
        raise ConfigError(f"{path}, incident {number}: expected start, end and, if wanted, series.")
    try:
        start_ns, end_ns = (int(times(_column(row[key]))[0]) for key in ("start", "end"))
    except (DataError, ValueError) as error:
        raise ConfigError(f"{path}, incident {number}: {row['start']} or {row['end']} is no time.") from error
    if end_ns < start_ns:
        raise ConfigError(f"{path}, incident {number} ends before it starts: {row['start']} to {row['end']}.")
    series = row.get("series")
    return Incident(start_ns, end_ns, series if isinstance(series, str) else "")


def _column(value: object) -> pd.DataFrame:
    text = str(value).strip()
    return pd.DataFrame({TIME: [int(text) if text.lstrip("-").isdecimal() else text]})
