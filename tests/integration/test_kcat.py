"""A stranger's client, kcat, feeds readings and reads scores and alerts."""

import json
import subprocess
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from bench import Bench, Record
from oracle import found
from tools import tool

pytestmark = pytest.mark.timeout(300)


def kcat(bench: Bench, *arguments: str, given: bytes = b"") -> bytes:
    command = [tool("kcat"), "-b", bench.kafka, "-q", *arguments]
    return subprocess.run(command, input=given, capture_output=True, check=True, timeout=60).stdout


def test_kcat_feeds_readings_and_reads_scores_and_alerts(bench: Bench, pumps: Callable[..., list[Record]]) -> None:
    for partition in range(bench.partitions):
        lines = [b"%s|%s" % (r.key.encode(), r.value) for r in pumps(60) if r.partition == partition]
        readings = bench.topic("readings")
        kcat(bench, "-P", "-t", readings, "-p", str(partition), "-K|", "-z", "lz4", given=b"\n".join(lines))
    bench.start()
    bench.verify()
    seen = ("-C", "-e", "-o", "beginning", "-X", "isolation.level=read_committed")
    for partition, rows in bench.found().scores.items():
        told = kcat(bench, *seen, "-t", bench.topic("scores"), "-p", str(partition)).splitlines()
        assert found({0: [SimpleNamespace(value=line) for line in told]}, {}, {}).scores[0] == rows
    told = kcat(bench, *seen, "-t", bench.topic("alerts"), "-f", "%p %k %h %s\n").decode().splitlines()
    assert len(told) == sum(map(len, bench.found().alerts.values())) > 0
    partition, key, headers, value = told[0].split(" ", 3)
    alert = json.loads(value)
    assert (partition in "01", key) == (True, alert["series"])
    assert "reconwatch-schema=alerts/1" in headers
    assert alert["message"].startswith(f"{key}: ")
