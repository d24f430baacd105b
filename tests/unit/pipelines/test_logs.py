import json
import logging

from pipelines.logs import Patience, _Json


def _record(created: float, level: int = logging.WARNING, line: int = 1, message: str = "lost %d") -> logging.LogRecord:
    record = logging.LogRecord("x", level, "here.py", line, message, (7,), None)
    record.created = created
    return record


def test_a_recurring_warning_is_held_back_and_counted() -> None:
    patience = Patience(10.0)
    assert [patience.filter(_record(t)) for t in (0, 1, 9, 10)] == [True, False, False, True]


def test_the_count_of_those_held_back_is_told_once() -> None:
    patience = Patience(10.0)
    told = []
    for created in (0, 1, 2, 11, 22):
        record = _record(created)
        if patience.filter(record):
            told.append(record.getMessage())
    assert told == ["lost 7", "lost 7 (2 alike held back)", "lost 7"]


def test_other_places_and_levels_are_not_held_back() -> None:
    patience = Patience(10.0)
    assert patience.filter(_record(0))
    assert patience.filter(_record(0, line=2))
    assert all(patience.filter(_record(0, level=logging.ERROR)) for _ in range(3))


def test_json_is_one_object_per_line() -> None:
    line = _Json().format(_record(12.5))
    assert "\n" not in line
    assert json.loads(line) == {"time": 12.5, "level": "warning", "logger": "x", "message": "lost 7"}
