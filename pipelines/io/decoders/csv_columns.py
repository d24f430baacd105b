"""Lines of delimited text as columns; the header comes with the batch."""

import csv
import io
from collections.abc import Sequence

import numpy as np
import pandas as pd

from detector.types import Bools, Floats
from pipelines.io.base import RawBatch
from pipelines.io.decoders.columns import Columns, Faults, Fields, timed

_TRUTH = {"True": "1", "TRUE": "1", "true": "1", "False": "0", "FALSE": "0", "false": "0"}


def read_csv(batch: RawBatch, fields: Fields) -> Columns:
    """Reads ``fields`` from every line of ``batch``; an empty field or an absent column is a missing value."""
    header = batch.header or ()
    faults = Faults(len(batch))
    faults.mark(_ragged(batch.records, len(header)), "ragged", f"The line does not have {len(header)} fields.")
    table = _table(batch.records, header, fields, faults)
    numbers = np.full((len(batch), len(fields.numbers)), np.nan)
    for column, path in enumerate(fields.numbers):
        if path in header:
            numbers[:, column], bad = _numbers(table[path])
            faults.mark(bad, "bad_value", f"Column {path!r} holds no number.")
    texts = [_texts(table, path) for path in fields.texts]
    times = _texts(table, fields.time.path) if fields.time else []
    return Columns(timed(batch, fields.time, times, faults), numbers, texts, faults)


def _ragged(lines: Sequence[bytes], width: int) -> Bools:
    plain = [line.count(b",") == width - 1 and b'"' not in line for line in lines]
    return np.array([not ok and _width(line) != width for ok, line in zip(plain, lines, strict=True)], np.bool_)


def _width(line: bytes) -> int:
    try:
        return len(next(csv.reader([line.decode("utf-8", "replace")], strict=True), []))
    except csv.Error:  # an open quote would swallow the lines that follow
        return 0


def _table(lines: Sequence[bytes], header: tuple[str, ...], fields: Fields, faults: Faults) -> pd.DataFrame:
    stand_in = b",".join([b'""'] * len(header))
    block = b"\n".join([line if ok else stand_in for line, ok in zip(lines, faults.usable, strict=True)])
    texts = [*fields.texts, *([fields.time.path] if fields.time else [])]
    kinds: dict[str, str] = dict.fromkeys(fields.numbers, "float64") | dict.fromkeys(texts, "str")
    wanted = {name: kind for name, kind in kinds.items() if name in header}
    try:
        return _parsed(block, header, wanted)
    except ValueError:  # some field is no number: find out which, value by value
        return _parsed(block, header, dict.fromkeys(wanted, "str"))


def _parsed(block: bytes, header: tuple[str, ...], kinds: dict[str, str]) -> pd.DataFrame:
    return pd.read_csv(
        io.BytesIO(block),
        names=list(header),
        usecols=list(kinds),
        dtype=kinds,
        header=None,
        lineterminator="\n",
        skip_blank_lines=False,
        encoding_errors="replace",
    )


def _numbers(column: pd.Series) -> tuple[Floats, Bools]:
    numbers = pd.to_numeric(column.replace(_TRUTH), errors="coerce")
    return numbers.to_numpy(np.float64), (numbers.isna() & column.notna()).to_numpy(np.bool_)


def _texts(table: pd.DataFrame, path: str) -> list[str | None]:
    if path not in table:
        return [None] * len(table)
    return [value if isinstance(value, str) else None for value in table[path].tolist()]
