"""Alerts in a real Alertmanager, and from there to people."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from receiver import Receiver, receiving
from servers import alertmanager, free_port
from told import alert, push

from detector.alerting.alert import Alert
from pipelines.io.base import Context
from pipelines.io.sinks.alertmanager import AlertmanagerConfig
from pipelines.io.sinks.courier import Courier
from pipelines.io.sources.memory import MemorySource

DEPLOYED = Path(__file__).parents[2] / "deploy/alertmanager"
LINK = "http://grafana/d/reconwatch-detector?var-series=$series"


def deliver(sink: Courier, *alerts: Alert) -> None:
    push(sink, *alerts)
    assert sink.settle(20)


def sink(url: str, **options: Any) -> Courier:
    config = AlertmanagerConfig(url=url, link=LINK, retry_s=0.1, **options)
    return config.open(Context(MemorySource([]), "pumps"))


def standing(url: str) -> dict[tuple[str, str], dict[str, Any]]:
    found = httpx.get(f"{url}/api/v2/alerts").json()
    return {(told["labels"]["series"], told["labels"]["severity"]): told for told in found}


@pytest.fixture
def config(tmp_path: Path) -> Callable[[Receiver], Path]:
    """Writes the deployed configuration with its receivers on loopback and shorter waits."""

    def write(receiver: Receiver) -> Path:
        text = (DEPLOYED / "alertmanager.yml").read_text()
        for name in ("slack-url", "page-url"):
            (tmp_path / name).write_text(f"{receiver.url}/{name}")
            assert f"/etc/alertmanager/secrets/{name}" in text
        text = text.replace("/etc/alertmanager/secrets/", f"{tmp_path}/")
        text = text.replace("group_wait: 10s", "group_wait: 300ms").replace("group_wait: 5s", "group_wait: 300ms")
        text = text.replace("group_interval: 1m", "group_interval: 300ms")
        (tmp_path / "reconwatch.tmpl").write_text((DEPLOYED / "reconwatch.tmpl").read_text())
        path = tmp_path / "alertmanager.yml"
        path.write_text(text)
        return path

    return write


@pytest.fixture
def people() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def test_an_alert_keeps_its_fingerprint_grows_worse_and_is_resolved(
    config: Callable[[Receiver], Path], people: Receiver, tmp_path: Path
) -> None:
    with alertmanager(config(people), tmp_path / "am") as url:
        one = sink(url)
        deliver(one, alert("pump-1"), alert("pump-2"))
        before = standing(url)
        assert set(before) == {("pump-1", "major"), ("pump-2", "major")}
        deliver(one, alert("pump-1"))  # read again after a crash
        assert {told["fingerprint"] for told in standing(url).values()} == {t["fingerprint"] for t in before.values()}
        told = before["pump-1", "major"]
        assert told["annotations"]["channels"] == "flow 70%"
        assert told["annotations"]["summary"].startswith("pump-1: flow 2.1 m3/h, expected 3.9 (3.7 to 4.1)")
        assert told["generatorURL"].endswith("var-series=pump-1")
        assert told["startsAt"].startswith("2023-11-14T22:13:20")
        deliver(one, alert("pump-1", severity="critical", peak_score=5.0))
        assert set(standing(url)) == {("pump-1", "critical"), ("pump-2", "major")}
        deliver(one, alert("pump-1", severity="critical", state="resolved", end_ns=1_700_000_060_000_000_000))
        assert set(standing(url)) == {("pump-2", "major")}
        one.close()


def test_people_get_one_message_per_series_with_shares_and_link(
    config: Callable[[Receiver], Path], people: Receiver, tmp_path: Path
) -> None:
    with alertmanager(config(people), tmp_path / "am") as url:
        one = sink(url)
        deliver(one, alert("pump-1"), alert("pump-2"))
        told = people.wait(lambda messages: len(messages) >= 2)
        texts = {message["attachments"][0]["title"]: message["attachments"][0] for message in told}
        assert set(texts) == {"[major] pumps pump-1", "[major] pumps pump-2"}
        assert "channels: flow 70%" in texts["[major] pumps pump-1"]["text"]
        assert texts["[major] pumps pump-1"]["title_link"].endswith("var-series=pump-1")
        deliver(one, alert("pump-1", state="resolved"))
        people.wait(lambda messages: any(m["attachments"][0]["title"] == "[resolved] pumps pump-1" for m in messages))
        one.close()


def test_an_alertmanager_that_forgot_everything_is_told_again(
    config: Callable[[Receiver], Path], people: Receiver, tmp_path: Path
) -> None:
    written, port = config(people), free_port()
    with alertmanager(written, tmp_path / "am", port) as url:
        one = sink(url, repeat_s=0.5)
        deliver(one, alert("pump-1"), alert("pump-2"), alert("pump-2", state="resolved"))
    with alertmanager(written, tmp_path / "empty", port) as url:
        begin_s = time.monotonic()
        while not standing(url) and time.monotonic() - begin_s < 20:
            time.sleep(0.1)
        assert set(standing(url)) == {("pump-1", "major")}
        one.close()


def test_what_is_firing_outlives_the_process_with_a_spool(
    config: Callable[[Receiver], Path], people: Receiver, tmp_path: Path
) -> None:
    with alertmanager(config(people), tmp_path / "am") as url:
        first = sink(url, spool=tmp_path / "spool.db")
        deliver(first, alert("pump-1"))
        first.close()
        second = sink(url, spool=tmp_path / "spool.db")
        deliver(second, alert("pump-1", severity="critical", peak_score=5.0))
        assert set(standing(url)) == {("pump-1", "critical")}, "the milder one of before the restart is resolved"
        second.close()
