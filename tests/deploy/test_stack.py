"""The whole deployment as processes of this machine: an alert is seen at every station on its way to people."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
from tools import tool

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(600)
def test_an_alert_is_seen_at_every_station(tmp_path: Path) -> None:
    for name in ("prometheus", "alertmanager"):
        tool(name)
    out = tmp_path / "stack"
    words = [sys.executable, "-m", "deploy.stack", "--once", "--out", str(out)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    logs = {path.name: path.read_text()[-2000:] for path in out.glob("*.log")}
    assert done.returncode == 0, (done.stdout, done.stderr, logs)
    seen = json.loads((out / "seen.json").read_text())["seen_s"]
    assert len(seen) == 7
    assert all(map(math.isfinite, seen.values())), seen
    assert "The champion is version 1" in done.stdout
