"""CSV files as DataFrames to train on and to score: checked as a whole, every complaint with its line."""

import gzip
import io
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from detector.errors import DataError

TIME, LABEL = "timestamp", "is_anomaly"
ROWS = "rows"
MOST_WORDS = 256
"""Text with more different words names things rather than kinds of things, and is no channel."""
_NUMERIC_RATIO = 0.5


@dataclass(frozen=True, slots=True)
class Layout:
    """What stands in which column of a file.

    Attributes:
        time: column with the time, or ``rows`` to number the rows.
        ignore: columns that are left out.
        text: columns that are channels of text.
        any_text: so are all others with at most 256 different words.
    """

    time: str = TIME
    ignore: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    any_text: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """One series, as it stands in a file.

    Attributes:
        frame: ``timestamp`` (UTC times or whole numbers) and numeric channels, in the order of the file.
        stamps: [N] the time of every row as it was written.
        labels: [N] bool from ``is_anomaly``, None where the file has no such column.
        notes: what the reader should know (columns left out, cells without a number, order).
        text: channels of the frame that hold words.
    """

    frame: pd.DataFrame
    stamps: list[str]
    labels: "np.ndarray[tuple[int], np.dtype[np.bool_]] | None"
    notes: list[str]
    text: tuple[str, ...] = ()


def read_table(path: Path, layout: Layout = Layout()) -> Table:
    """Reads ``timestamp,<channels...>[,is_anomaly]``, or what ``layout`` says, from CSV or CSV.gz.

    Raises:
        DataError: the file is missing, empty, ragged or has no usable time or channel; the message names the line.
    """
    content = _content(path)
    _check_shape(content, path)
    try:
        raw = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False, skip_blank_lines=True)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as CSV: {str(error).strip()}; mend the file.") from error
    raw.columns = raw.columns.str.strip()
    if raw.columns.has_duplicates:
        doubled = raw.columns[raw.columns.duplicated()][0]
        raise DataError(f"{path} has two columns named {doubled!r}; rename one.")
    shown = ", ".join(raw.columns[:8])
    if lacking := [name for name in (*layout.ignore, *layout.text) if name not in raw]:
        raise DataError(f"{path} has no column {lacking[0]!r} (its columns: {shown}); name another.")
    if layout.time == ROWS:
        raw = raw.assign(**{TIME: np.arange(len(raw)).astype(str)})
    elif layout.time not in raw:
        raise DataError(f"{path} has no column {layout.time!r} (its columns: {shown}); name the time so.")
    raw = raw.drop(columns=list(layout.ignore)).rename(columns={layout.time: TIME})
    if raw.empty:
        raise DataError(f"{path} has a header but no rows; give it data.")
    notes: list[str] = []
    frame = pd.DataFrame({TIME: _times(raw[TIME].str.strip(), path)})
    labels = None
    if LABEL in raw:
        numbers = pd.to_numeric(raw[LABEL].replace({"True": "1", "False": "0"}), errors="coerce").fillna(0)
        labels = numbers.to_numpy() > 0
    text, numeric = [], {}
    for name in (str(name) for name in raw if name not in (TIME, LABEL)):
        column = None if name in layout.text else _channel(raw[name], path, notes)
        if name in layout.text or (column is None and layout.any_text and raw[name].nunique() <= MOST_WORDS):
            text.append(name)
            column = raw[name].str.strip()
        elif column is None:
            notes.append(f"{path}: column {name!r} holds text and is left out.")
        if column is not None:
            numeric[name] = column
    if not numeric:
        raise DataError(f"{path} has no numeric channel beside {TIME!r}; check the separator and the decimal sign.")
    frame = pd.concat([frame, pd.DataFrame(numeric)], axis=1)
    _note_order(frame[TIME], path, notes)
    return Table(frame, raw[TIME].tolist(), labels, notes, tuple(text))


def _content(path: Path) -> bytes:
    if not path.exists():
        raise DataError(f"{path} does not exist; check the path.")
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}; check the file and its permissions.") from error
    if not content.strip():
        raise DataError(f"{path} is empty; give a header line and rows.")
    return content.removeprefix(b"\xef\xbb\xbf")


def _check_shape(content: bytes, path: Path) -> None:
    """Refuses rows with more or fewer fields than the header; pandas would fill the missing ones silently."""
    if b'"' in content:
        return  # Quoted separators: pandas itself refuses the rows that are too long.
    text = np.frombuffer(content, np.uint8)
    ends = np.flatnonzero(text == ord("\n"))
    if not len(ends) or ends[-1] != len(text) - 1:
        ends = np.append(ends, len(text))
    begins = np.append(0, ends[:-1] + 1)
    commas = np.diff(np.searchsorted(np.flatnonzero(text == ord(",")), np.append(begins, len(text))))
    bare = ends - begins
    bare -= (bare > 0) & (text[np.maximum(ends - 1, 0)] == ord("\r"))
    full = np.flatnonzero(bare > 0)
    wrong = full[commas[full] != commas[full[0]]]
    if len(wrong):
        line, expected = int(wrong[0]), int(commas[full[0]]) + 1
        raise DataError(
            f"{path}, line {line + 1}: {int(commas[line]) + 1} fields where the header has {expected}; mend the row."
        )


def _times(stamps: pd.Series, path: Path) -> pd.Series:
    whole = stamps.str.fullmatch(r"[+-]?\d+")
    if whole.all():
        try:
            return stamps.astype(np.int64)
        except (OverflowError, ValueError) as error:
            raise DataError(f"{path}: a {TIME} is too large for a time; use seconds to nanoseconds.") from error
    numbers = pd.to_numeric(stamps, errors="coerce")
    if numbers.notna().mean() > _NUMERIC_RATIO:
        expected, times = "a number of seconds", pd.to_datetime(numbers, unit="s", utc=True, errors="coerce")
    else:
        text = stamps.where(numbers.isna())
        expected, times = "an ISO-8601 time", pd.to_datetime(text, format="ISO8601", utc=True, errors="coerce")
    bad = np.flatnonzero(times.isna())
    if len(bad):
        row = int(bad[0])
        found = f"{TIME} {stamps.iloc[row]!r} where {expected} is expected"
        raise DataError(f"{path}, line {row + 2}: {found}; use one format throughout.")
    try:
        return times.dt.as_unit("ns")
    except pd.errors.OutOfBoundsDatetime as error:
        raise DataError(f"{path}: a {TIME} lies outside the years 1678 to 2261; mend it or drop the row.") from error


def _channel(cells: pd.Series, path: Path, notes: list[str]) -> pd.Series | None:
    text = cells.str.strip()
    numbers = pd.to_numeric(text, errors="coerce")
    empty = text.str.lower().isin(("", "nan", "na", "null", "none"))
    strange = numbers.isna() & ~empty
    if strange.sum() > _NUMERIC_RATIO * max((~empty).sum(), 1):
        return None
    if strange.any():
        notes.append(f"{path}: {int(strange.sum())} cells of {cells.name!r} are no numbers and count as missing.")
    return numbers.astype(np.float64).replace([np.inf, -np.inf], np.nan)


def _note_order(times: pd.Series, path: Path, notes: list[str]) -> None:
    if not times.is_monotonic_increasing:
        notes.append(f"{path}: rows are not in order of time; they are read in order and reported as they stand.")
    repeated = int(times.duplicated().sum())
    if repeated:
        notes.append(f"{path}: {repeated} rows repeat a time; each is taken as a row of its own.")
