import pytest

from detector.errors import TooManyDeadLetters
from pipelines.io.base import DeadLetter
from pipelines.stream.flood import DeadLetterConfig, Flood


def _letters(count: int) -> list[DeadLetter]:
    return [
        DeadLetter(0, at, "not_json", "The record is no JSON object.", b"", None, "readings") for at in range(count)
    ]


def _flood(**options: object) -> Flood:
    return Flood(DeadLetterConfig(**{"max_ratio": 0.5, "over_records": 100, "min_records": 20, **options}))


def test_as_many_dead_letters_as_allowed_stop_nothing() -> None:
    flood = _flood()
    for _ in range(50):
        flood.count(10, _letters(5))


def test_more_stop_it_and_the_sentence_says_where_and_why() -> None:
    flood = _flood()
    flood.count(30, _letters(15))
    with pytest.raises(TooManyDeadLetters) as caught:
        flood.count(10, _letters(6))
    told = str(caught.value)
    assert "21 of the newest 40 records" in told
    assert "readings[0]:5 (The record is no JSON object.)" in told
    assert caught.value.exit_code == 12


def test_few_records_prove_nothing() -> None:
    flood = _flood()
    flood.count(19, _letters(19))
    with pytest.raises(TooManyDeadLetters):
        flood.count(1, _letters(0))


def test_only_the_newest_records_count() -> None:
    flood = _flood()
    for _ in range(1000):
        flood.count(10, [])
    for _ in range(5):
        flood.count(10, _letters(10))
    with pytest.raises(TooManyDeadLetters):
        flood.count(10, _letters(10))


def test_without_a_ratio_nothing_ever_stops() -> None:
    flood = _flood(max_ratio=None)
    for _ in range(10):
        flood.count(1000, _letters(1000))


def test_a_share_that_could_never_count_is_refused() -> None:
    with pytest.raises(ValueError, match="min_records 20 lies above over_records 10"):
        DeadLetterConfig(min_records=20, over_records=10)
