"""Delivery over HTTP: order, patience, bounds, and what is kept over a crash."""

import itertools
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from receiver import receiving
from told import alert as told_alert
from told import push

from detector.alerting.alert import Alert
from detector.errors import SinkUnavailable
from pipelines.io.base import Context
from pipelines.io.sinks.slack import SlackConfig
from pipelines.io.sinks.webhook import WebhookConfig
from pipelines.io.sources.memory import MemorySource

QUICK = {"retry_s": 0.02, "close_s": 5.0}


class Counts:
    def __init__(self) -> None:
        self.found: Counter[str] = Counter()
        self.left = 0

    def sent(self, sink: str, alerts: int) -> None:
        self.found["sent"] += alerts

    def dropped(self, sink: str, alerts: int) -> None:
        self.found["dropped"] += alerts

    def waiting(self, sink: str, alerts: int) -> None:
        self.left = alerts


def alert(number: int, **options: Any) -> Alert:
    return told_alert(**{"series": f"pump-{number}", "id": f"{number:016x}", **options})


def numbers(messages: list[Any]) -> list[int]:
    return [int(told["id"], 16) for message in messages for told in message["alerts"]]


def context() -> tuple[Context, Counts]:
    counts = Counts()
    return Context(MemorySource([]), "pumps", counts), counts


def test_every_alert_arrives_in_order_though_the_receiver_fails_now_and_then() -> None:
    calls = itertools.count()
    told, counts = context()
    with receiving(lambda message: ((503, 429, 200)[next(calls) % 3], {})) as receiver:
        sink = WebhookConfig(url=receiver.url, **QUICK).open(told)
        for number in range(20):
            push(sink, alert(number))
        assert sink.settle(20)
        sink.close()
    taken = receiver.messages[2::3]
    assert numbers(taken) == list(range(20)), "in order, once each, of the messages that were taken"
    assert +counts.found == {"sent": 20}
    assert counts.left == 0


def test_a_slow_receiver_holds_nobody_up_and_the_oldest_alerts_give_way() -> None:
    told, counts = context()
    released = threading.Event()

    def held(message: Any) -> tuple[int, dict[str, str]]:
        released.wait(30)
        return 200, {}

    with receiving(held) as receiver:
        sink = WebhookConfig(url=receiver.url, queue=50, timeout_s=30, close_s=0.0).open(told)
        push(sink, alert(0))
        receiver.wait(lambda messages: len(messages) == 1)
        begin_s = time.monotonic()
        for number in range(1, 201):
            push(sink, alert(number))
        assert time.monotonic() - begin_s < 2.0, "the loop waited for the receiver"
        assert counts.found["dropped"] == 151
        assert counts.left == 50
        released.set()
        assert sink.settle(10)
        sink.close()
    assert numbers(receiver.messages)[1:] == list(range(151, 201))


def test_what_is_not_delivered_at_the_end_is_counted_as_dropped() -> None:
    told, counts = context()
    with receiving(lambda message: (500, {})) as receiver:
        sink = WebhookConfig(url=receiver.url, retry_s=30, close_s=0.2).open(told)
        push(sink, alert(1), alert(2))
        receiver.wait(lambda messages: len(messages) == 1)
        begin_s = time.monotonic()
        sink.close()
        assert time.monotonic() - begin_s < 4.0
    assert +counts.found == {"dropped": 2}


def test_with_a_spool_what_waits_outlives_the_process(tmp_path: Path) -> None:
    told, counts = context()
    with receiving(lambda message: (500, {})) as receiver:
        sink = WebhookConfig(url=receiver.url, retry_s=30, close_s=0.2, spool=tmp_path / "new/spool.db").open(told)
        push(sink, alert(1), alert(2))
        receiver.wait(lambda messages: len(messages) == 1)
        sink.close()
    assert +counts.found == {}
    with receiving() as receiver:
        sink = WebhookConfig(url=receiver.url, spool=tmp_path / "new/spool.db").open(told)
        assert sink.settle(10)
        sink.close()
        assert numbers(receiver.messages) == [1, 2]


def test_one_refused_alert_does_not_take_the_others_with_it() -> None:
    def picky(message: Any) -> tuple[int, dict[str, str]]:
        return (400 if any(told["series"] == "pump-3" for told in message["alerts"]) else 200), {}

    told, counts = context()
    with receiving(picky) as receiver:
        sink = WebhookConfig(url=receiver.url, **QUICK).open(told)
        push(sink, *(alert(number) for number in range(6)))
        assert sink.settle(10)
        sink.close()
    assert +counts.found == {"sent": 5, "dropped": 1}
    taken = [message for message in receiver.messages if picky(message)[0] == 200]
    assert numbers(taken) == [0, 1, 2, 4, 5]


def test_a_receiver_that_asks_for_time_gets_it() -> None:
    calls = itertools.count()
    told, _ = context()
    times: list[float] = []

    def later(message: Any) -> tuple[int, dict[str, str]]:
        times.append(time.monotonic())
        return (429, {"Retry-After": "1"}) if next(calls) == 0 else (200, {})

    with receiving(later) as receiver:
        sink = WebhookConfig(url=receiver.url, **QUICK).open(told)
        push(sink, alert(1))
        assert sink.settle(10)
        sink.close()
    assert times[1] - times[0] >= 1.0


def test_a_redirect_is_not_followed() -> None:
    told, counts = context()
    with receiving() as other, receiving(lambda message: (302, {"Location": other.url})) as receiver:
        sink = WebhookConfig(url=receiver.url, close_s=0.0).open(told)
        push(sink, alert(1))
        receiver.wait(lambda messages: len(messages) == 1)
        sink.close()
    assert other.messages == []
    assert +counts.found == {"dropped": 1}


def test_a_template_is_filled_and_single_fields_keep_their_type() -> None:
    template = {
        "subject": "$severity on $series",
        "score": "$peak_score",
        "channels": "$channels",
        "tags": ["$state", 7],
    }
    told, _ = context()
    with receiving() as receiver:
        link = "https://example.org/d/detector?var-series=$series&from=$start_ms"
        config = WebhookConfig(
            url=receiver.url, template={**template, "tags": ["$state", 7], "url": "$link"}, link=link, token="t0ken"
        )
        sink = config.open(told)
        push(sink, alert(1, series="a/b c"))
        assert sink.settle(10)
        sink.close()
    ((headers, message),) = receiver.requests
    assert headers["Authorization"] == "Bearer t0ken"
    assert message["subject"] == "major on a/b c"
    assert message["score"] == 2.5
    assert message["channels"][0]["name"] == "flow"
    assert message["tags"] == ["firing", 7]
    assert message["url"] == "https://example.org/d/detector?var-series=a%2Fb%20c&from=1700000000000"


def test_slack_shows_names_as_they_are_and_colours_by_severity() -> None:
    told, _ = context()
    with receiving() as receiver:
        sink = SlackConfig(url=receiver.url, channel="#alerts").open(told)
        push(sink, alert(1, series="<!channel>", severity="critical"), alert(2, state="resolved"))
        assert sink.settle(10)
        sink.close()
    (message,) = receiver.messages
    first, second = message["attachments"]
    assert message["channel"] == "#alerts"
    assert "<!channel>" not in str(message)
    assert first["title"].startswith("[critical] &lt;!channel&gt;: 2.5 times")
    assert first["fields"] == [{"title": "flow", "value": "70% of the score", "short": True}]
    assert second["title"].startswith("[resolved]")
    assert first["color"] != second["color"]


def test_a_secret_address_stays_out_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    told, _ = context()
    sink = SlackConfig(url="http://127.0.0.1:9/services/T000/CANARY", close_s=0.0, timeout_s=1).open(told)
    push(sink, alert(1))
    sink.settle(0.3)
    sink.close()
    assert "127.0.0.1:9 does not answer" in caplog.text
    assert "CANARY" not in caplog.text


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({}, "give either url or secret_url"),
        ({"url": "ftp://host"}, "must begin with http"),
        ({"url": "http://h", "template": {"a": ["$nobody"]}}, r"no field \$nobody"),
        ({"url": "http://h", "link": "http://h/$nothing"}, r"not \$nothing"),
    ],
)
def test_what_cannot_work_is_refused_at_the_start(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        WebhookConfig(**options)


def test_a_secret_that_is_no_address_is_not_repeated_in_the_complaint() -> None:
    with pytest.raises(ValidationError) as caught:
        SlackConfig(url="CANARY")
    assert "CANARY" not in str(caught.value)


def test_a_spool_that_cannot_be_used_is_told_in_a_sentence(tmp_path: Path) -> None:
    told, _ = context()
    (tmp_path / "spool.db").write_bytes(b"no database" * 100)
    with pytest.raises(SinkUnavailable, match="check the disk or the spool"):
        WebhookConfig(url="http://127.0.0.1:9", spool=tmp_path / "spool.db").open(told)
