"""A stretch of the log scored again gives the scores of the live run, and leaves the live run alone."""

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from bench import COMMAND, Bench, Record
from oracle import Row, expected, found

from detector.api import fit
from detector.bundle import load
from detector.members.projection import ProjectionMember
from detector.members.table import DetectorConfig
from pipelines.cli.main import run
from pipelines.settings import Settings

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def lived(
    kafka: str, bundle: Path, tmp_path_factory: pytest.TempPathFactory, pumps: Callable[..., list[Record]]
) -> Iterator[Bench]:
    """A bench whose daemon has scored everything and still waits for more."""
    with Bench(kafka, bundle, tmp_path_factory.mktemp("lived")) as bench:
        bench.produce(pumps(200))
        bench.start()
        bench.verify()
        yield bench


@pytest.fixture
def again(lived: Bench, capsys: pytest.CaptureFixture[str]) -> Callable[..., dict]:
    """Runs backfill into the topic NAME-again and returns what it says."""

    def again(name: str, *arguments: object) -> dict:
        command = ["backfill", "-c", lived.configuration("again"), "--to-topic", lived.topic(name), "--json"]
        capsys.readouterr()
        assert run([str(part) for part in (*command, *arguments)]) == 0, capsys.readouterr().err
        return json.loads(capsys.readouterr().out)

    return again


def rows(bench: Bench, name: str) -> dict[int, list[Row]]:
    return found(bench.logs(name), {}, {}).scores


def between(bench: Bench, partition: int, begin: int, end: int) -> list[Row]:
    """What a run that reads the records of a partition in order says while it reads those from begin up to end."""
    log, settings = bench.logs("readings")[partition], Settings.model_validate(bench.tree)
    bundle = load(Path(bench.tree["detector"]["bundle"]))
    before, until = (len(expected({0: log[:stop]}, settings, bundle).scores[0]) for stop in (begin, end))
    return rows(bench, "scores")[partition][before:until]


def test_the_scores_are_those_of_the_live_run(lived: Bench, again: Callable[..., dict]) -> None:
    before = lived.committed()
    told = again("all")
    assert (told["records"], told["partitions"], told["warm_up_records"]) == (1200, 2, 0)
    assert rows(lived, "all") == rows(lived, "scores")

    told = again("part", "--from", "1:300", "--to", "1:450")
    assert (told["records"], told["warm_up_records"]) == (150, 300)
    assert rows(lived, "part") == {0: [], 1: between(lived, 1, 300, 450)}
    assert len(rows(lived, "part")[1]) > 100

    again("part", "--from", "1:300", "--to", "1:450")
    assert rows(lived, "part") == {0: [], 1: between(lived, 1, 300, 450)}, "what is done is not done again"
    assert lived.committed() == before
    lived.verify()


def test_a_time_is_that_of_the_records(lived: Bench, again: Callable[..., dict]) -> None:
    first_ms = max(log[0].timestamp for log in lived.logs("readings").values())
    middle = {p: next(r for r in log if r.offset == 280) for p, log in lived.logs("readings").items()}
    moment = np.datetime64(min(record.timestamp for record in middle.values()), "ms")
    told = again("late", "--from", f"{moment}Z")
    begin = {
        p: next(r.offset for r in log if r.timestamp >= moment.astype(int)) for p, log in lived.logs("readings").items()
    }
    assert told["records"] == 1200 - sum(begin.values())
    assert rows(lived, "late") == {p: between(lived, p, offset, 600) for p, offset in begin.items()}
    assert first_ms <= moment.astype(int)


def test_without_the_records_before_it_begins_cold_and_says_so(lived: Bench, again: Callable[..., dict]) -> None:
    told = again("cold", "--from", "0:300", "--warm-up", "0")
    assert told["warm_up_records"] == 0
    cold, warm = rows(lived, "cold")[0], rows(lived, "scores")[0]
    assert sum(row.warming for row in cold) == 3 * 16 - 3  # three pumps, windows of 16 rows
    assert [row for row in cold if not row.warming] == [row for row in warm if row in set(cold) and not row.warming]


def test_another_detector_judges_the_same_records(
    lived: Bench, again: Callable[..., dict], stream: Callable, tmp_path: Path
) -> None:
    other = tmp_path / "other.bundle"
    fit(stream(900, 7), DetectorConfig(members=(ProjectionMember(name="pca", window=12),))).save(other)
    told = again("other", "--bundle", other, "--from", "0:0")
    assert told["bundle"] == load(other).version
    settings, log = Settings.model_validate(lived.tree), lived.logs("readings")[0]
    assert rows(lived, "other")[0] == expected({0: log}, settings, load(other)).scores[0]
    assert rows(lived, "other")[0] != rows(lived, "scores")[0]


@pytest.mark.parametrize(
    "name,more,sentence",
    [
        ("scores", (), "belongs to the live daemon"),
        ("readings", (), "belongs to the live daemon"),
        ("state", (), "belongs to the live daemon"),
        ("new", ("--from", "soon"), "neither a time"),
        ("new", ("--from", "7:0"), "has no partition 7"),
        ("new", ("--from", "0:9000"), "9000 is not among them"),
        ("new", ("--from", "2099-01-01"), "no record of"),
        ("new", ("--from", "0:10", "--to", "0:10"), "no record of"),
        ("new", ("--from", "0:10", "--from", "2026-01-01"), "2 times"),
        ("new", ("--bundle", "none.bundle"), "none.bundle"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence(
    lived: Bench, capsys: pytest.CaptureFixture[str], name: str, more: Sequence[str], sentence: str
) -> None:
    arguments = ["backfill", "-c", str(lived.configuration("again")), "--to-topic", lived.topic(name), *more]
    capsys.readouterr()
    assert run(arguments) in (2, 4)
    told = capsys.readouterr().err
    assert sentence in told
    assert told.count("\n") == 1


def test_a_topic_that_holds_something_else_is_refused(
    lived: Bench, again: Callable[..., dict], capsys: pytest.CaptureFixture[str]
) -> None:
    again("mixed", "--to", "0:100")
    arguments = ["backfill", "-c", str(lived.configuration("again")), "--to-topic", lived.topic("mixed")]
    assert run([*arguments, "--from", "0:50"]) == 2
    assert "holds records of something else" in capsys.readouterr().err


@pytest.mark.chaos
def test_kill_9_of_a_backfill_loses_nothing_and_doubles_nothing(bench: Bench, pumps: Callable) -> None:
    bench.produce(pumps(1500))
    live = bench.start()
    bench.strikes("kill -9 of a backfill, run again")
    bench.wait_until_done()
    live.send_signal(signal.SIGTERM)
    command = [*COMMAND, "backfill", "-c", str(bench.configuration("again")), "--to-topic", bench.topic("again")]
    bench.create("again")
    with subprocess.Popen(command) as first:
        while not any(bench.logs("again").values()):
            assert first.poll() is None
            time.sleep(0.05)
        first.kill()
    assert rows(bench, "again") != rows(bench, "scores"), "it was killed before its end"
    subprocess.run(command, check=True)
    assert rows(bench, "again") == rows(bench, "scores")
    bench.verify()
