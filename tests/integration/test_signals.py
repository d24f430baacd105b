"""A command that is asked to end ends, also where it is the first process of a container."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipelines.cli.main import INTERRUPTED

COMMAND = [sys.executable, "-c", "from pipelines.cli.main import main; main()"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_command_at_work_ends_when_it_is_asked_to(number: signal.Signals, tmp_path: Path) -> None:
    data = tmp_path / "pump.csv"
    os.mkfifo(data)  # whoever reads it waits for us
    command = [*COMMAND, "train", "--data", str(data), "--out", str(tmp_path / "pump.bundle")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as working:
        try:
            writer = reader_came(data, working)
            working.send_signal(number)
            out, told = working.communicate(timeout=30)
            os.close(writer)
        finally:
            working.kill()
    assert working.returncode == INTERRUPTED, told
    assert "Traceback" not in out + told


def reader_came(fifo: Path, reader: subprocess.Popen[str]) -> int:
    """Waits until somebody reads and returns the end to write to."""
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s:
        assert reader.poll() is None, reader.communicate()
        with contextlib.suppress(OSError):
            return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        time.sleep(0.05)
    raise TimeoutError(f"nobody reads {fifo}")
