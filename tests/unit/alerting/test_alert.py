import json

import pytest

from detector.alerting.alert import Alert, ChannelShare, alert_id

PRESSURE = ChannelShare(name="pressure", unit="bar", share=0.71, actual=2.1, expected=3.9, low=3.7, high=4.1)


def alert(**changes: object) -> Alert:
    fields = {
        "id": "00",
        "state": "firing",
        "severity": "major",
        "detector": "pumps",
        "model_version": "7",
        "series": "pump-03",
        "start_ns": 1_700_000_000_123_456_789,
        "peak_ns": 1_700_000_000_123_456_789,
        "peak_score": 2.5,
        "channels": (PRESSURE,),
    }
    return Alert.model_validate(fields | changes)


def test_the_sentence_says_what_was_expected() -> None:
    flow = ChannelShare(name="flow", share=0.2, actual=0.0, expected=12.0)
    assert alert(channels=(PRESSURE, flow)).sentence() == (
        "pump-03: pressure 2.1 bar, expected 3.9 (3.7 to 4.1), 71% of the score; flow 0, expected 12, 20% of the score"
    )


def test_the_sentence_does_without_what_is_unknown() -> None:
    assert alert(channels=(ChannelShare(name="flow", share=1),)).sentence() == "pump-03: flow 100% of the score"
    assert alert(channels=()).sentence() == "pump-03: score 2.5 times the limit"
    assert alert(series="", channels=()).sentence() == "score 2.5 times the limit"


@pytest.mark.parametrize(
    ("actual", "expected", "words"),
    [
        (1013.25, 1012.9, "p 1013.25, expected 1012.90"),
        (0.00012, 0.00034, "p 0.00012, expected 0.00034"),
        (123_456.0, 99_000.0, "p 123456, expected 99000"),
        (0.0, 0.0, "p 0, expected 0"),
        (-2.0, -2.0, "p -2.0, expected -2.0"),
        (1e-30, 0.0, "p 0.000000000, expected 0.000000000"),
    ],
)
def test_as_many_digits_as_tell_the_values_apart(actual: float, expected: float, words: str) -> None:
    phrase = ChannelShare(name="p", share=0.5, actual=actual, expected=expected).phrase()
    assert phrase == f"{words}, 50% of the score"


def test_the_record_is_json_with_readable_times_and_fits_its_schema() -> None:
    record = json.loads(json.dumps(alert().record()))
    assert (record["start"], record["end"]) == ("2023-11-14T22:13:20.123Z", None)
    assert record["message"] == alert().sentence()
    assert Alert.model_validate(record) == alert()
    schema = Alert.model_json_schema(mode="serialization")
    assert set(record) == set(schema["properties"])
    assert set(record["channels"][0]) == set(schema["$defs"]["ChannelShare"]["properties"])


def test_ids_tell_detector_series_and_start_apart() -> None:
    ids = {
        alert_id("a", "b", 1),
        alert_id("a", "b", 2),
        alert_id("a", "c", 1),
        alert_id("ab", "", 1),
        alert_id("", "ab", 1),
    }
    assert len(ids) == 5
    assert alert_id("pumps", "pump-03", 0) == "91c77f9f45af948a"  # ids are kept by others: they must never change
