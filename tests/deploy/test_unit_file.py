"""The unit of systemd: by systemd-analyze, and the command it starts."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from command_lines import understood
from tools import tool

from detector.errors import BundleError, ConfigError, DataError, ReconwatchError

UNIT = Path("deploy/systemd/reconwatch.service")
TEXT = UNIT.read_text()
INSTALLED = "/opt/reconwatch/bin/reconwatch"


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """The unit with the command that is installed here."""
    path = tmp_path / UNIT.name
    path.write_text(TEXT.replace(INSTALLED, str(Path(sys.executable).parent / "reconwatch")))
    return path


def complaints(unit: Path) -> str:
    # The exit code is 0 for an unknown key too.
    return subprocess.run([tool("systemd-analyze"), "verify", unit], capture_output=True, text=True).stderr


def test_systemd_has_nothing_against_it(here):
    assert complaints(here) == ""


@pytest.mark.parametrize(
    "right, wrong",
    [("ProtectClock=yes", "ProtectClok=yes"), ("Restart=on-failure", "Restart=sometimes"), ("Type=exec", "Type=exek")],
)
def test_planted_faults_are_found(here, right, wrong):
    assert right in TEXT
    here.write_text(here.read_text().replace(right, wrong))
    assert complaints(here)


def exposed(unit: Path) -> subprocess.CompletedProcess[str]:
    command = [tool("systemd-analyze"), "security", "--offline=true", "--threshold=20", unit]
    return subprocess.run(command, capture_output=True, text=True)


def test_it_is_hardened(here):
    told = exposed(here)
    assert told.returncode == 0, told.stdout[-200:]


def test_less_hardening_is_found(here):
    here.write_text(
        re.sub(r"^(Protect|Private|Restrict|System|Capability).*\n", "", here.read_text(), flags=re.MULTILINE)
    )
    assert exposed(here).returncode != 0


def test_its_commands_are_understood():
    found = re.findall(rf"^Exec\w+={INSTALLED} (.+)$", TEXT, re.MULTILINE)
    assert [understood(command.split()) for command in found] == ["config check", "run"]


def test_what_somebody_must_mend_is_not_tried_again():
    codes = {int(code) for code in re.findall(r"^RestartPreventExitStatus=(.+)$", TEXT, re.MULTILINE)[0].split()}
    assert codes == {error.exit_code for error in (ConfigError, DataError, BundleError)}
    retriable = {error.exit_code for error in every(ReconwatchError) if error.retriable}
    assert not codes & retriable


def every(error: type[ReconwatchError]) -> list[type[ReconwatchError]]:
    return [error, *(found for kind in error.__subclasses__() for found in every(kind))]
