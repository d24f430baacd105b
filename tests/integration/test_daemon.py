"""The daemon as a process: real files, real signals, real HTTP."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipelines.cli.main import run

COMMAND = [sys.executable, "-c", "from pipelines.cli.main import main; main()"]


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_row_is_scored_once_and_the_faults_raise_alerts(config: Path, tmp_path: Path) -> None:
    assert run(["run", "-c", str(config)]) == 0
    scores = _lines(tmp_path / "out/scores.jsonl")
    for series in ("pump-1", "pump-2"):
        times = [row["time_ns"] for row in scores if row["series"] == series]
        assert len(times) == 300
        assert times == sorted(set(times))
    alerts = _lines(tmp_path / "out/alerts.jsonl")
    assert {alert["series"] for alert in alerts} == {"pump-1", "pump-2"}
    assert {alert["state"] for alert in alerts} >= {"firing", "resolved"}
    assert (tmp_path / "out/dead_letters.jsonl").read_text() == ""


def test_broken_lines_become_dead_letters_and_nothing_else_changes(config: Path, tmp_path: Path) -> None:
    run(["run", "-c", str(config)])
    before = _lines(tmp_path / "out/scores.jsonl")
    lines = (tmp_path / "pump-1.csv").read_text().splitlines()
    lines[100:100] = ["1,2", '"', "now,1,2,3"]
    (tmp_path / "pump-1.csv").write_text("\n".join(lines))
    (tmp_path / "out/scores.jsonl").unlink()
    assert run(["run", "-c", str(config)]) == 0
    letters = _lines(tmp_path / "out/dead_letters.jsonl")
    assert [(x["offset"], x["reason"]) for x in letters] == [(99, "ragged"), (100, "ragged"), (101, "bad_timestamp")]
    after = _lines(tmp_path / "out/scores.jsonl")
    assert sorted(map(str, after)) == sorted(map(str, before))


def test_sigterm_finishes_the_batch_and_a_restart_goes_on_without_loss_or_repetition(
    config: Path, tmp_path: Path
) -> None:
    run(["run", "-c", str(config)])
    whole = [_lines(tmp_path / f"out/{name}.jsonl") for name in ("alerts", "scores")]
    for path in (tmp_path / "out").iterdir():
        path.unlink()
    options = ["--set", f"source.checkpoint={tmp_path}/position", "--set", "source.speed=6000"]
    process = subprocess.Popen([*COMMAND, "run", "-c", str(config), *options], stderr=subprocess.PIPE, text=True)
    _wait_for(tmp_path / "out/scores.jsonl")
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 0, told
    assert "stopped on request" in told
    part = len(_lines(tmp_path / "out/scores.jsonl"))
    assert 0 < part < len(whole[1])
    assert run(["run", "-c", str(config), *options[:2]]) == 0
    found = [_lines(tmp_path / f"out/{name}.jsonl") for name in ("alerts", "scores")]
    for kind in (0, 1):
        assert sorted(map(str, found[kind])) == sorted(map(str, whole[kind]))
    assert run(["run", "-c", str(config), *options[:2]]) == 0
    assert len(_lines(tmp_path / "out/scores.jsonl")) == len(whole[1]), "nothing is left to emit"


def test_metrics_and_probes_answer_while_the_daemon_runs(config: Path, tmp_path: Path) -> None:
    options = ["--set", "source.speed=3000", "--set", "logging.format=json"]
    process = subprocess.Popen([*COMMAND, "run", "-c", str(config), *options], stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr
        port = re.search(r"http://127.0.0.1:(\d+)", process.stderr.readline())
        assert port
        _wait_for(tmp_path / "out/scores.jsonl")
        with httpx.Client(base_url=f"http://127.0.0.1:{port[1]}") as client:
            page = client.get("/metrics").text
            assert re.search(r'reconwatch_records_total\{outcome="decoded",topic="file"\} [1-9]', page)
            assert re.search(r'reconwatch_model_info\{.*detector="plant"', page)
            assert client.get("/healthz").text == "ok\n"
            assert client.get("/readyz").text == "ok\n"
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 0


def test_standard_input_is_a_stream_too(config: Path, tmp_path: Path) -> None:
    lines = (tmp_path / "pump-1.csv").read_text()
    command = [*COMMAND, "run", "-c", str(config), "--set", "source.kind=stdin", "--set", "server.enabled=false"]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert len(_lines(tmp_path / "out/scores.jsonl")) == 300


@pytest.mark.parametrize(
    ("change", "code", "sentence"),
    [
        ("detector.bundle=/nowhere", 4, "is not a bundle"),
        ("source.paths=[/nowhere.csv]", 3, "cannot read /nowhere.csv"),
        ("sinks=[{kind: jsonl, path: /proc/nothing/alerts.jsonl}]", 8, "cannot write /proc/nothing"),
        ("source.chunk=5", 2, "unknown key source.chunk"),
        ("scoring.delay=many", 2, "scoring.delay: input should be a valid integer"),
        ("server.port=PORT", 2, "choose another server.port"),
    ],
)
def test_what_is_wrong_is_told_in_one_sentence(
    change: str, code: int, sentence: str, config: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        change = change.replace("PORT", str(taken.getsockname()[1]))
        assert run(["run", "-c", str(config), "--set", change]) == code
    told = capfd.readouterr().err
    assert told.count("\n") == 1
    assert told.startswith("reconwatch: ")
    assert sentence in told
    assert not (tmp_path / "out").exists(), "nothing half-written may be left behind"


def test_a_full_disk_commits_nothing(config: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")
    options = [
        "--set",
        f"source.checkpoint={tmp_path}/position",
        "--set",
        "sinks=[{kind: jsonl, path: /dev/full, content: scores}]",
    ]
    assert run(["run", "-c", str(config), *options]) == 8
    assert "No space left on device" in capfd.readouterr().err
    assert not (tmp_path / "position").exists()


def _wait_for(path: Path, seconds: float = 40.0) -> None:
    begin = time.monotonic()
    while not (path.exists() and path.stat().st_size):
        assert time.monotonic() - begin < seconds, f"{path} stayed empty"
        time.sleep(0.05)
