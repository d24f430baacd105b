import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

RECONWATCH = Path(sys.executable).with_name("reconwatch")


@pytest.mark.timeout(400)
def test_the_installed_command_finds_the_faults_of_the_simulated_plant(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    command = [RECONWATCH, "demo", "--seconds", "0", "--json", "--out", out]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    told = json.loads(done.stdout)
    assert list(told) == ["injected", "detected", "false_alarms", "median_delay_s", "report"]
    assert told["injected"] == 10
    assert told["detected"] >= 8
    assert told["false_alarms"] <= 12 * 3 / 7  # one per pump and simulated week
    assert 0 < told["median_delay_s"] < 2 * 3600
    assert done.stderr == ""

    page = Path(told["report"]).read_text(encoding="utf-8")
    assert page.count("<svg") >= 1 + told["injected"]
    assert not re.search(r'(src|href)="(?!#)', page), "the report must not need anything outside it"
    assert "nan" not in re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL).lower()

    alerts = [json.loads(line) for line in (out / "alerts.jsonl").read_text().splitlines()]
    assert all(alert["channels"][0]["expected"] is not None for alert in alerts)
    assert len({alert["id"] for alert in alerts}) >= told["detected"]


def test_an_output_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    command = [RECONWATCH, "demo", "--out", tmp_path / "file" / "demo"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("reconwatch: cannot write the demo's files to ")
