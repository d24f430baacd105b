"""Snapshots beside a real Kafka: a restart reads little again, and whatever is wrong with one changes no result."""

import contextlib
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bench import Bench, share

from pipelines.stream.snapshot import load

pytestmark = [pytest.mark.fault, pytest.mark.timeout(600)]

Pumps = Callable[..., list]


@pytest.fixture
def bench(bench: Bench, tmp_path: Path) -> Bench:
    bench.tree["snapshots"] = {"folder": str(tmp_path / "snapshots"), "every_s": 0.001}
    bench.tree["align"] = {"lateness_s": 120}
    return bench


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    told = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], capture_output=True, check=False)
    if told.returncode:
        pytest.skip(f"a disk of 1 MB needs the right to mount: {told.stderr.decode()}")
    yield place
    subprocess.run(["umount", place], check=True)


def folder(bench: Bench) -> Path:
    return Path(bench.tree["snapshots"]["folder"])


def missing(bench: Bench) -> int:
    """Records that are committed and not in a snapshot."""
    return bench.committed() - sum(found.upto for found in map(load, folder(bench).glob("*.snapshot")) if found)


def count(bench: Bench, result: str) -> float:
    return bench.metric(rf'snapshots_total\{{result="{result}"\}}')


def fill(path: Path) -> None:
    """Leaves no room on the disk."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(1024))
    assert shutil.disk_usage(path).free == 0


def lived(bench: Bench, records: list, sign: signal.Signals) -> None:
    """Lets a daemon score records, and ends it when all is in its snapshots."""
    bench.produce(records)
    daemon = bench.start(instance="one")
    bench.verify()
    deadline_s = time.monotonic() + 30
    while missing(bench):
        assert time.monotonic() < deadline_s, bench.told()
        time.sleep(0.1)
    daemon.send_signal(sign)
    daemon.wait(60)


def test_after_a_stop_nothing_is_read_again(bench: Bench, pumps: Pumps) -> None:
    records = pumps(share(200))
    bench.produce(records[:900])
    first = bench.start(instance="one")
    bench.verify()
    first.terminate()
    first.wait(60)
    assert missing(bench) == 0
    bench.produce(records[900:])
    bench.strikes("restart with snapshots")
    bench.start(instance="one")
    bench.wait_for_commit()
    bench.verify()
    assert (count(bench, "used"), bench.metric("replayed_records_total")) == (2, 0)


@pytest.mark.chaos
def test_after_kill_9_whatever_the_snapshots_hold(bench: Bench, pumps: Pumps) -> None:
    records = pumps(share(300))
    for begin in range(0, 1500, 500):
        bench.produce(records[begin : begin + 500])
        daemon = bench.start(instance="one")
        bench.wait_for_progress()
        bench.strikes("kill -9 with snapshots, three times")
        daemon.kill()
        daemon.wait()
    lived(bench, records[1500:], signal.SIGKILL)
    bench.start(instance="one")
    bench.produce(records[:6])  # late by now, so that there is something to commit
    bench.verify()
    assert (count(bench, "used"), bench.metric("replayed_records_total")) == (2, 0)


@pytest.mark.chaos
def test_damaged_snapshots_are_ignored(bench: Bench, pumps: Pumps) -> None:
    records = pumps(share(200))
    lived(bench, records[:900], signal.SIGKILL)
    one, other = sorted(folder(bench).iterdir())
    one.write_bytes(one.read_bytes()[:-100])
    other.write_bytes(other.read_bytes().replace(b"pump-", b"pomp-"))
    bench.produce(records[900:])
    bench.strikes("damaged snapshots")
    bench.start(instance="one")
    bench.verify()
    assert (count(bench, "used"), count(bench, "refused")) == (0, 2)
    assert bench.metric("replayed_records_total") > 0


@pytest.mark.chaos
def test_a_full_disk_stops_nothing(small_disk: Path, bench: Bench, pumps: Pumps) -> None:
    bench.tree["snapshots"]["folder"] = str(small_disk / "snapshots")
    records = pumps(share(300))
    daemon = bench.start(instance="one")
    bench.produce(records[:600])
    bench.wait_until_done()
    good = {path: path.read_bytes() for path in folder(bench).iterdir()}
    bench.strikes("disk full")
    fill(small_disk / "full")
    bench.produce(records[600:1200])
    bench.wait_for_commit()
    bench.verify()
    assert count(bench, "failed") > 0
    assert "No space left on device; a restart would read more of the log again" in bench.told()
    assert set(folder(bench).iterdir()) == set(good), "nothing half written is left behind"

    daemon.kill()
    daemon.wait()
    bench.start(instance="one")
    bench.verify()
    (small_disk / "full").unlink()
    bench.produce(records[1200:])
    bench.verify()
    assert count(bench, "written") > 0


@pytest.mark.chaos
def test_members_that_share_a_folder_come_and_go(bench: Bench, pumps: Pumps) -> None:
    records = pumps(share(400))
    size = -(-len(records) // 4)
    members = [bench.start()]
    for begin in range(0, len(records), size):
        before = bench.committed()
        with bench.feeding(records[begin : begin + size]):
            bench.strikes("members come and go, one folder of snapshots")
            members.append(bench.start())
            bench.wait_for_commit(before)
            leaver = members.pop(0)
            leaver.send_signal(signal.SIGKILL if len(bench.daemons) % 2 else signal.SIGTERM)
            leaver.wait(60)
    bench.verify()
