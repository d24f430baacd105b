"""JSON objects, one per record, as columns; fields are named by dotted paths."""

from itertools import chain
from operator import itemgetter
from typing import Any

import numpy as np
import orjson

from detector.types import Bools, Floats
from pipelines.io.base import RawBatch
from pipelines.io.decoders.columns import Columns, Faults, Fields, timed


def read_json(batch: RawBatch, fields: Fields) -> Columns:
    """Reads ``fields`` from every record of ``batch``; an absent or null field is a missing value, not a fault."""
    faults = Faults(len(batch))
    documents = _documents(batch, faults)
    numbers = _plain(documents, fields.numbers)
    if numbers is None:
        numbers = np.full((len(batch), len(fields.numbers)), np.nan)
        for column, path in enumerate(fields.numbers):
            numbers[:, column], bad = _numbers(_column(documents, path))
            faults.mark(bad, "bad_value", f"Field {path!r} holds no number.")
    texts = [[_text(value) for value in _column(documents, path)] for path in fields.texts]
    times = _column(documents, fields.time.path) if fields.time else []
    return Columns(timed(batch, fields.time, times, faults), numbers, texts, faults)


def loaded(record: bytes) -> dict[str, Any] | None:
    """Returns the JSON object that a record is, None if it is none."""
    try:
        document = orjson.loads(record)
    except orjson.JSONDecodeError:
        return None
    return document if isinstance(document, dict) else None


def lookup(document: Any, path: str) -> Any:
    """Returns what lies under a dotted path, None if nothing does; keys may contain dots themselves.

    >>> lookup({"conn": {"id.orig_h": "10.0.0.1"}}, "conn.id.orig_h")
    '10.0.0.1'
    """
    if not isinstance(document, dict):
        return None
    if path in document:
        return document[path]
    for at, letter in enumerate(path):
        if letter == "." and path[:at] in document:
            found = lookup(document[path[:at]], path[at + 1 :])
            if found is not None:
                return found
    return None


def _documents(batch: RawBatch, faults: Faults) -> list[dict[str, Any]]:
    """Returns the records as objects; an empty one, and a fault, where one is none."""
    try:
        found = list(map(orjson.loads, batch.records))
    except orjson.JSONDecodeError:
        found = [loaded(record) for record in batch.records]
    if set(map(type, found)) <= {dict}:
        return found
    alien = [type(document) is not dict for document in found]
    faults.mark(np.array(alien), "not_json", "The record is no JSON object.")
    return [{} if other else document for document, other in zip(found, alien, strict=True)]


def _plain(documents: list[dict[str, Any]], paths: tuple[str, ...]) -> Floats | None:
    """Returns fields that every record has at its top and that are numbers [B, K], quickly; None if some are not."""
    if len(paths) < 2:  # itemgetter gives no tuple of one
        return None
    try:
        rows = map(itemgetter(*paths), documents)
        flat = np.fromiter(chain.from_iterable(rows), np.float64, len(documents) * len(paths))
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return flat.reshape(-1, len(paths))


def _column(documents: list[dict[str, Any]], path: str) -> list[Any]:
    if "." in path:
        return [lookup(document, path) for document in documents]
    return [document.get(path) for document in documents]


def _numbers(values: list[Any]) -> tuple[Floats, Bools]:
    try:
        return np.array(values, np.float64), np.zeros(len(values), np.bool_)  # None becomes NaN
    except (TypeError, ValueError, OverflowError):
        numbers = [_number(v) for v in values]
        return np.array([np.nan if n is None else n for n in numbers]), np.array([n is None for n in numbers], np.bool_)


def _number(value: Any) -> float | None:
    if value is None or value == "":
        return float("nan")
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else str(value)
