"""What every sink promises; a new one joins by a line in SINKS."""

import base64
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from broker import Committed, Topics, begun
from receiver import Receiver, receiving
from rich.console import Console

from detector.alerting.alert import Alert, ChannelShare
from detector.errors import SinkUnavailable
from detector.types import DecisionBatch
from pipelines.io.base import Context, DeadLetter, Output, Sink
from pipelines.io.kafka.config import KafkaSinkConfig
from pipelines.io.kafka.sink import fitted
from pipelines.io.sinks.alertmanager import AlertmanagerConfig
from pipelines.io.sinks.console import ConsoleSink
from pipelines.io.sinks.courier import Courier
from pipelines.io.sinks.jsonl import JsonlConfig
from pipelines.io.sinks.memory import MemorySink
from pipelines.io.sinks.slack import SlackConfig
from pipelines.io.sinks.webhook import WebhookConfig
from pipelines.io.sources.memory import MemorySource

RUBBISH = b"\xff{" + bytes(range(256)) * 40
CONTEXT = Context(MemorySource([]), "pumps")
ALERT = Alert(
    id="0123456789abcdef",
    state="firing",
    severity="major",
    detector="pumps",
    model_version="1",
    series="pump-1",
    start_ns=1_700_000_000_000_000_000,
    peak_ns=1_700_000_000_000_000_000,
    peak_score=2.5,
    channels=(ChannelShare(name="pressure", unit="bar", share=0.7, actual=2.1, expected=3.9, low=3.7, high=4.1),),
)


def outputs() -> list[Output]:
    """Two micro-batches: scores with and without a value, an alert, a dead letter; then nothing at all."""
    score = np.array([0.25, np.nan])
    decisions = DecisionBatch(
        series=np.zeros(2, np.int32),
        time_ns=np.array([1_700_000_000_000_000_000, 1_700_000_060_000_000_000]),
        anomaly_score=score,
        is_anomaly=score >= 1,
        p_value=np.array([0.5, np.nan]),
        contribution=np.array([[0.2, 0.8], [0, 0]], np.float32),
        warming=np.array([True, False]),
    )
    letter = DeadLetter(3, 7, "not_json", "The record is no JSON object.", RUBBISH, "pump-1", "readings")
    nothing = DecisionBatch(*(getattr(decisions, name)[:0] for name in DecisionBatch.__slots__))
    channels = ("flow", "pressure")
    return [
        Output(["pump-1"], channels, decisions, [ALERT], [letter], partition=0),
        Output([], channels, nothing, partition=0),
    ]


Made = tuple[Sink, Callable[[], list[str]]]


class Place(NamedTuple):
    """Where a sink of the contract is made: a folder, an HTTP server, a real Kafka that starts when it is asked for."""

    folder: Path
    receiver: Receiver
    kafka: Callable[[], str]


def memory(place: Place) -> Made:
    sink = MemorySink()
    return sink, lambda: [alert.id for alert in sink.alerts]


def jsonl(place: Place) -> Made:
    path = place.folder / "new/alerts.jsonl"
    return JsonlConfig(path=str(path)).open(CONTEXT), lambda: [
        json.loads(line)["id"] for line in path.read_text().splitlines()
    ]


def console(place: Place) -> Made:
    page = io.StringIO()
    return ConsoleSink(Console(file=page, width=200)), lambda: [ALERT.id] * page.getvalue().count("pump-1")


def _arrived(sink: Courier, receiver: Receiver, ids: Callable[[Any], list[str]]) -> Callable[[], list[str]]:
    def read() -> list[str]:
        assert sink.settle(20)
        return [told for message in receiver.messages for told in ids(message)]

    return read


def webhook(place: Place) -> Made:
    sink = WebhookConfig(url=place.receiver.url).open(CONTEXT)
    return sink, _arrived(sink, place.receiver, lambda message: [alert["id"] for alert in message["alerts"]])


def slack(place: Place) -> Made:
    sink = SlackConfig(url=place.receiver.url).open(CONTEXT)
    return sink, _arrived(sink, place.receiver, lambda message: [a["footer"][-16:] for a in message["attachments"]])


def alertmanager(place: Place) -> Made:
    sink = AlertmanagerConfig(url=place.receiver.url).open(CONTEXT)
    return sink, _arrived(sink, place.receiver, lambda message: [alert["annotations"]["alert_id"] for alert in message])


def topic(place: Place) -> Made:
    topics = Topics(place.kafka())
    source = topics.open()
    begun(source)
    return Committed(source, KafkaSinkConfig(topic=topics.output).open(Context(source, "pumps"))), topics.visible


SINKS = [memory, jsonl, console, webhook, slack, alertmanager, topic]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.mark.parametrize("make", SINKS)
def test_what_was_written_is_there_after_the_flush_once(
    make: Callable[[Place], Made], tmp_path: Path, receiver: Receiver, request: pytest.FixtureRequest
) -> None:
    sink, read = make(Place(tmp_path, receiver, lambda: request.getfixturevalue("kafka")))
    sink.flush()
    assert read() == []
    for output in outputs():
        sink.write(output)
    sink.flush()
    sink.flush()
    assert read() == [ALERT.id]
    sink.write(outputs()[0])
    sink.flush()
    assert read() == [ALERT.id] * 2
    sink.close()


def _written(path: Path, content: str) -> list[dict[str, object]]:
    sink = JsonlConfig(path=str(path), content=content, sync=True).open(CONTEXT)
    for output in outputs():
        sink.write(output)
    sink.flush()
    sink.close()
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_scores_as_json(tmp_path: Path) -> None:
    first, second = _written(tmp_path / "scores.jsonl", "scores")
    assert first["series"] == "pump-1"
    assert first["time_ns"] == 1_700_000_000_000_000_000
    assert str(first["time"]).startswith("2023-11-14T22:13:20")
    assert (first["anomaly_score"], first["p_value"], first["top_channel"]) == (0.25, 0.5, "pressure")
    assert (first["is_anomaly"], first["warming"]) == (False, True)
    assert (second["anomaly_score"], second["p_value"], second["top_channel"]) == (None, None, None)


def test_dead_letters_as_json_even_of_bytes_that_are_no_text(tmp_path: Path) -> None:
    (letter,) = _written(tmp_path / "dead.jsonl", "dead_letters")
    assert (letter["topic"], letter["partition"], letter["offset"]) == ("readings", 3, 7)
    assert (letter["key"], letter["reason"]) == ("pump-1", "not_json")
    assert base64.b64decode(str(letter["record_base64"])) == RUBBISH
    assert letter["record_bytes"] == len(RUBBISH)
    assert str(letter["excerpt"]).startswith("\ufffd{")


@pytest.mark.parametrize("size", [0, 1, 7_000, 700_000, 8_000_000])
def test_a_dead_letter_fits_into_a_record_of_kafka_whole_if_it_can(size: int) -> None:
    record = b'\x00"' * (size // 2) + b"!" * (size % 2)
    letter = DeadLetter(3, 7, "not_json", "The record is no JSON object.", record, "pump-1", "readings")
    content = fitted(letter, 1 << 20)
    found = json.loads(content)
    assert len(content) < 1 << 20
    assert found["record_bytes"] == size
    kept = base64.b64decode(found["record_base64"])
    assert kept == record if size < 770_000 else record.startswith(kept)
    assert len(kept) >= min(size, 770_000)


def test_alerts_as_json_say_it_in_a_sentence_too(tmp_path: Path) -> None:
    (alert,) = _written(tmp_path / "alerts.jsonl", "alerts")
    assert alert["message"] == "pump-1: pressure 2.1 bar, expected 3.9 (3.7 to 4.1), 70% of the score"


def test_an_existing_file_is_continued(tmp_path: Path) -> None:
    assert len(_written(tmp_path / "a.jsonl", "scores")) == 2
    assert len(_written(tmp_path / "a.jsonl", "scores")) == 4


def test_what_is_not_flushed_is_not_seen(tmp_path: Path) -> None:
    sink = JsonlConfig(path=str(tmp_path / "a.jsonl")).open(CONTEXT)
    sink.write(outputs()[0])
    assert (tmp_path / "a.jsonl").read_text() == ""
    sink.close()


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SinkUnavailable, match="cannot write"):
        JsonlConfig(path=str(tmp_path)).open(CONTEXT)


def test_the_console_line_names_time_state_severity_and_reason() -> None:
    page = io.StringIO()
    sink = ConsoleSink(Console(file=page, width=40, force_terminal=False))
    sink.write(outputs()[0])
    (line,) = page.getvalue().splitlines()
    assert line.startswith("2023-11-14 22:13:20  firing")
    assert "major" in line
    assert line.rstrip().endswith(ALERT.sentence())
