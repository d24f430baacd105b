"""History to learn from: aligned runs without known incidents, and the newest rows kept apart for comparisons."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from glob import glob
from pathlib import Path

import numpy as np

from detector.errors import ConfigError, DataError
from detector.fitting.dataset import Run
from detector.fitting.frames import align, ordered_times, schema_of
from detector.types import Bools
from detector.windows.schema import Schema
from pipelines.io.frames import Table, read_table
from pipelines.io.sources.file import series_of
from pipelines.retrain.incidents import Incident, within


@dataclass(frozen=True, slots=True)
class Labelled:
    """A run of the newest rows.

    Attributes:
        run: its rows.
        anomalous: [N] bool, True inside known incidents and where the data says so.
    """

    run: Run
    anomalous: Bools


@dataclass(frozen=True, slots=True)
class History:
    """What a retrain works on.

    Attributes:
        schema: channels.
        train: runs of the older rows without incidents.
        test: runs of the newest rows of every series, incidents and all.
        digest: twelve hex digits over all of it.
    """

    schema: Schema
    train: list[Run]
    test: list[Labelled]
    digest: str


def read_history(
    patterns: Sequence[str], incidents: list[Incident], test_ratio: float, note: Callable[[str], None]
) -> History:
    """Reads CSV files, one series each, and divides every series by time.

    Args:
        patterns: files or patterns.
        incidents: nothing is learnt from them.
        test_ratio: the newest share of every series is kept apart.
        note: told what people should know about the files.

    Raises:
        ConfigError: no file was named.
        DataError: a file cannot be used, or nothing is left to learn from.
        SchemaMismatch: the files have different channels.
    """
    paths = _matched(patterns)
    tables = [read_table(path) for path in paths]
    for sentence in (sentence for table in tables for sentence in table.notes):
        note(sentence)
    schema = schema_of([table.frame for table in tables])
    train: list[Run] = []
    test: list[Labelled] = []
    for path, table in zip(paths, tables, strict=True):
        parts = list(_runs(schema, path, table, incidents))
        cut = round((1 - test_ratio) * sum(len(part.run) for part in parts))
        for part in parts:
            older, newer = _only(part, slice(0, max(cut, 0))), _only(part, slice(max(cut, 0), None))
            cut -= len(part.run)
            train += calm_runs(older)
            test += [newer] if len(newer.run) else []
    if not train:
        raise DataError("nothing is left to learn from: incidents cover all of the older rows; give more history.")
    return History(schema, train, test, _digest(schema, train, test))


def _runs(schema: Schema, path: Path, table: Table, incidents: list[Incident]) -> Iterator[Labelled]:
    samples = align(schema, table.frame, str(path))
    anomalous = within(incidents, series_of(path), samples.time_ns)
    if table.labels is not None:
        anomalous |= table.labels[ordered_times(table.frame)[0]]
    for rows in np.split(np.arange(len(samples)), np.flatnonzero(samples.start[1:]) + 1):
        yield Labelled(Run(samples.time_ns[rows], samples.values[rows]), anomalous[rows])


def calm_runs(part: Labelled) -> list[Run]:
    """Returns what lies between incidents."""
    pieces = np.split(np.arange(len(part.run)), np.flatnonzero(np.diff(part.anomalous)) + 1)
    calm = [rows for rows in pieces if len(rows) and not part.anomalous[rows[0]]]
    return [Run(part.run.time_ns[rows], part.run.values[rows]) for rows in calm]


def _only(part: Labelled, rows: slice) -> Labelled:
    return Labelled(Run(part.run.time_ns[rows], part.run.values[rows]), part.anomalous[rows])


def _matched(patterns: Sequence[str]) -> list[Path]:
    if not patterns:
        raise ConfigError("no history to learn from: give --data FILES, or set retrain.data.")
    found: dict[str, None] = {}
    for pattern in patterns:
        found |= dict.fromkeys(sorted(glob(pattern)) or [pattern])
    return [Path(name) for name in found]


def _digest(schema: Schema, train: list[Run], test: list[Labelled]) -> str:
    digest = hashlib.sha256(schema.hash.encode())
    for run in [*train, *(part.run for part in test)]:
        digest.update(run.time_ns.tobytes())
        digest.update(run.values.tobytes())
    for part in test:
        digest.update(part.anomalous.tobytes())
    return digest.hexdigest()[:12]
