"""What Kafka can no longer give, and what should never have been given: told, and never passed over in silence."""

import json
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from bench import Bench, Record
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord
from kafka.structs import OffsetAndMetadata
from oracle import expected, found, judged

from detector.bundle import load
from detector.errors import ReconwatchError
from pipelines.brokers.cluster import KafkaCluster
from pipelines.settings import Settings

pytestmark = [pytest.mark.fault, pytest.mark.timeout(600)]

MARKER = b"a batch of one"


@pytest.fixture(scope="module")
def broker() -> Iterator[KafkaCluster]:
    """A node of its own, whose log files a test may damage."""
    try:
        cluster = KafkaCluster(1)
    except ReconwatchError as error:
        pytest.skip(str(error))
    with cluster:
        yield cluster


def address(bench: Bench) -> str:
    """Where the last daemon answers."""
    return re.findall(r"http://127\.0\.0\.1:\d+", (bench.folder / f"daemon-{len(bench.daemons) - 1}.log").read_text())[
        0
    ]


def unchecked(bench: Bench, partition: int) -> list[ConsumerRecord]:
    """Reads the input without looking at checksums."""
    at = TopicPartition(bench.topic("readings"), partition)
    consumer = KafkaConsumer(bootstrap_servers=bench.kafka, check_crcs=False, auto_offset_reset="earliest")
    consumer.assign([at])
    end, records = consumer.end_offsets([at])[at], []
    while consumer.position(at) < end:
        records += consumer.poll(500).get(at, [])
    consumer.close()
    return records


def test_a_damaged_batch_becomes_dead_letters_and_reading_goes_on(
    broker: KafkaCluster, bench_at: Callable[..., Bench], pumps: Callable, bundle: Path
) -> None:
    bench = bench_at(broker.bootstrap)
    records = pumps(200)
    bench.produce(records[:600])
    bench.produce([Record(0, "pump-0", b'{"note": "%s", "timestamp": %d}' % (MARKER, at)) for at in range(3)])
    bench.produce(records[600:900])
    folder = broker.nodes[0].directory / "data" / f"{bench.topic('readings')}-0"
    (log,) = folder.glob("*.log")
    with log.open("r+b") as file:
        file.seek(log.read_bytes().index(MARKER))
        file.write(b"A")
    bench.strikes("damaged batch")
    first = bench.start()
    bench.wait_until_done()
    first.send_signal(signal.SIGTERM)
    assert first.wait(30) == 0, bench.told()
    bench.produce(records[900:])
    bench.start()  # reads over the damage again, to fill its windows
    bench.wait_until_done()
    readings = {partition: unchecked(bench, partition) for partition in range(2)}
    damaged = [300, 301, 302]
    assert [r.offset for r in readings[0] if MARKER[1:] in r.value] == damaged
    readings[0] = [r._replace(value=b"damaged") if r.offset in damaged else r for r in readings[0]]
    verdict = judged(bench.found(), expected(readings, Settings.model_validate(bench.tree), load(bundle)))
    assert not any(verdict[:3]), verdict.detail
    letters = [json.loads(r.value) for r in bench.logs("dead")[0]]
    told = [letter for letter in letters if letter["reason"] == "damaged"]
    assert [letter["offset"] for letter in told] == damaged
    assert (told[0]["topic"], told[0]["partition"]) == (bench.topic("readings"), 0)
    assert "crc" in told[0]["detail"]


def test_records_deleted_before_they_were_read_are_told_and_scoring_goes_on(
    bench: Bench, pumps: Callable, bundle: Path
) -> None:
    records = pumps(200)
    bench.tree["snapshots"] = {"folder": str(bench.folder / "snapshots")}
    bench.produce(records[:600])
    first = bench.start()
    bench.wait_until_done()
    first.send_signal(signal.SIGTERM)
    assert first.wait(30) == 0, bench.told()
    before = bench.found()
    bench.produce(records[600:])
    at = TopicPartition(bench.topic("readings"), 0)
    admin = KafkaAdminClient(bootstrap_servers=bench.kafka.split(","))
    admin.delete_records({at: 350})
    admin.close()
    bench.start()
    bench.wait_until_done()
    page = httpx.get(f"{address(bench)}/metrics").text
    assert "reconwatch_lost_records_total 50.0" in page
    assert 'reconwatch_snapshots_total{result="refused"} 1.0' in page, "what is known of before the gap does not count"
    assert 'reconwatch_snapshots_total{result="used"} 1.0' in page
    assert f'reconwatch_consumer_lag_records{{partition="0",topic="{at.topic}"}} 0.0' in page
    letters = [json.loads(r.value) for r in bench.logs("dead")[0]]
    (lost,) = [letter for letter in letters if letter["reason"] == "lost"]
    assert (lost["topic"], lost["partition"], lost["offset"]) == (at.topic, 0, 300)
    assert lost["detail"] == "50 records were deleted before they were read."
    assert "50 records were deleted" in bench.told()
    # What is left of partition 0 is scored as if it were all there ever was: its windows begin empty.
    readings = bench.logs("readings")
    theirs = expected(readings, Settings.model_validate(bench.tree), load(bundle))
    ours = found(bench.logs("scores"), {}, {})
    assert ours.scores[1] == theirs.scores[1]
    assert ours.scores[0][: len(before.scores[0])] == before.scores[0]
    assert ours.scores[0][len(before.scores[0]) :] == theirs.scores[0]
    assert all(row.warming for row in theirs.scores[0][:30])


@pytest.mark.chaos
def test_a_log_that_ends_before_what_was_read_is_not_read_anew_in_silence(bench: Bench, pumps: Callable) -> None:
    bench.produce(pumps(5))
    at = TopicPartition(bench.topic("readings"), 0)
    consumer = KafkaConsumer(bootstrap_servers=bench.kafka.split(","), group_id=bench.name, enable_auto_commit=False)
    consumer.assign([at])
    consumer.commit({at: OffsetAndMetadata(9999, "", -1)})
    consumer.close(autocommit=False)
    assert bench.start().wait(240) == 7, bench.told()
    assert f"{at.topic}[0] ends at 15, but group {bench.name} has read up to 9999" in bench.told()


def test_a_flood_of_rubbish_stops_the_reading_and_the_right_decoder_goes_on_where_it_stopped(
    bench: Bench, pumps: Callable
) -> None:
    bench.tree["decoder"] = {"kind": "wide", "channels": {"flow": "Q", "pressure": "P", "current": "I"}}
    bench.produce(pumps(100))
    bench.strikes("flood of poison")
    daemon = bench.start()
    deadline_s, reason = time.monotonic() + 240, ""
    while "dead_letters.max_ratio" not in reason and time.monotonic() < deadline_s:
        time.sleep(0.3)
        try:
            reason = httpx.get(f"{address(bench)}/readyz").text
        except (IndexError, httpx.TransportError):  # it does not answer yet
            continue
    assert "records cannot be read, the last at" in reason, bench.told()
    assert "The record carries none of the detector's channels." in reason
    assert httpx.get(f"{address(bench)}/readyz").status_code == 503
    assert httpx.get(f"{address(bench)}/healthz").status_code == 200, "killing it would not help"
    assert "reconwatch_halted 1.0" in httpx.get(f"{address(bench)}/metrics").text
    assert bench.committed() < 200
    assert len(bench.logs("dead")[0]) + len(bench.logs("dead")[1]) == bench.committed(), "handled is what is committed"
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(30) == 12, bench.told()
    done = bench.committed()
    del bench.tree["decoder"]
    bench.start()
    bench.wait_until_done()
    told = [json.loads(r.value) for partition in (0, 1) for r in bench.logs("dead")[partition]]
    assert sum(letter["reason"] == "no_value" for letter in told) == done, "the others were read with the right decoder"


def test_one_score_per_record(bench: Bench, pumps: Callable) -> None:
    bench.tree["sinks"][0]["batched"] = False
    bench.produce(pumps(60))
    bench.start()
    bench.verify()
    (first, *rest) = bench.logs("scores")[0]
    assert rest
    assert first.key == json.loads(first.value)["series"].encode()
    headers = dict(first.headers)
    assert headers["reconwatch-schema"] == b"scores/1"
    assert headers["reconwatch-detector"].startswith(b"plant@")
    assert headers["reconwatch-source"] == f"{bench.topic('readings')}/0".encode()
