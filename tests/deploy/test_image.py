"""The Dockerfile: by hadolint, and what it copies, installs and starts."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from command_lines import understood

from pipelines.stream.server import ServerConfig

DOCKERFILE = Path("deploy/Dockerfile")
TEXT = DOCKERFILE.read_text()
PROJECT = tomllib.loads(Path("pyproject.toml").read_text())["project"]


def hadolint(path: Path) -> str:
    return subprocess.run([Path(sys.executable).parent / "hadolint", path], capture_output=True, text=True).stdout


def test_hadolint_has_nothing_against_it():
    assert hadolint(DOCKERFILE) == ""


@pytest.mark.parametrize(
    "right, wrong, rule",
    [
        ("ARG PYTHON=3.12.11-slim-bookworm\n", "ARG PYTHON=3.12.11-slim-bookworm\nFROM python\n", "DL3006"),
        ("WORKDIR /src", "WORKDIR src", "DL3000"),
        ("COPY detector detector", "ADD detector detector", "DL3020"),
        ("EXPOSE 9108", "EXPOSE 91080", "DL3011"),
    ],
)
def test_planted_faults_are_found(tmp_path, right, wrong, rule):
    assert right in TEXT
    (tmp_path / "Dockerfile").write_text(TEXT.replace(right, wrong))
    assert rule in hadolint(tmp_path / "Dockerfile")


def test_what_is_copied_is_there_and_not_ignored():
    ignored = Path("deploy/Dockerfile.dockerignore").read_text().splitlines()
    copied = [name for line in re.findall(r"^COPY (?!--)(.+)$", TEXT, re.MULTILINE) for name in line.split()[:-1]]
    assert {"pyproject.toml", PROJECT["readme"], *PROJECT["license-files"], "detector", "pipelines"} <= set(copied)
    for name in copied:
        assert Path(name).exists(), name
        assert f"!{name}" in ignored


def test_what_is_installed_is_an_extra():
    named = [extra for extras in re.findall(r"'\.\[(.+?)\]'", TEXT) for extra in extras.split(",")]
    assert set(named) == {"kafka", "train"}
    assert set(named) <= PROJECT["optional-dependencies"].keys()


def test_what_is_started_is_understood():
    (entry,) = re.findall(r'^ENTRYPOINT \["(.+)"\]$', TEXT, re.MULTILINE)
    assert entry in PROJECT["scripts"]
    commands = [re.findall(r'"(.+?)"', line) for line in re.findall(r"^CMD (.+)$", TEXT, re.MULTILINE)]
    assert [understood(command) for command in commands] == ["retrain", "run"]


def test_the_port_is_that_of_the_daemon():
    port = ServerConfig().port
    assert re.findall(r"^EXPOSE (\d+)$", TEXT, re.MULTILINE) == [str(port)]
    assert f"http://127.0.0.1:{port}/healthz" in TEXT


def test_no_image_runs_as_root():
    base = TEXT.split("AS base")[1]
    assert re.search(r"^USER 10001:10001$", base, re.MULTILINE)
    assert "USER root" not in base
