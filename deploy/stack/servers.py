"""Programs run on loopback beside each other, each stopped at the end of its block."""

import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from detector.errors import ConfigError, SourceLost
from pipelines.brokers.jars import cache_dir

POLL_S = 0.1
STOP_S = 20.0


def program(name: str) -> str:
    """Returns the path of a program that ``make tools`` brings.

    Raises:
        ConfigError: it is not there.
    """
    places = (None, "/usr/sbin", "/sbin", str(cache_dir() / "tools"))
    for called in (name, f"prometheus-{name}"):  # Debian puts the project before the program
        for place in places:
            if found := shutil.which(called, path=place):
                return found
    raise ConfigError(f"{name} is not installed; 'make tools' brings it.")


@contextmanager
def running(
    words: Sequence[str], log: Path, ready: str, environment: Mapping[str, str], limit_s: float = 180.0
) -> Iterator[None]:
    """Runs a program until the end of the block.

    Args:
        words: the command.
        log: file for what it says.
        ready: address that answers 200 as soon as it serves.
        environment: of the program.
        limit_s: how long that may take.

    Raises:
        SourceLost: it ended or did not answer in time.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(words, stdout=output, stderr=output, env=dict(environment))
    try:
        begun_s = time.monotonic()
        while not answers(ready):
            if process.poll() is not None or time.monotonic() - begun_s > limit_s:
                raise SourceLost(f"{Path(words[0]).name} does not serve; {log} says why.")
            time.sleep(POLL_S)
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def done(words: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
    """Runs a program to its end.

    Raises:
        SourceLost: it failed.
    """
    with log.open("ab") as output:
        code = subprocess.run(words, stdout=output, stderr=output, env=dict(environment), check=False).returncode
    if code:
        raise SourceLost(f"{' '.join(words[-3:])} ended with {code}; {log} says why.")


def answers(url: str) -> bool:
    """Says whether an address answers 200."""
    try:
        with urlopen(url, timeout=1) as response:
            return bool(response.status == 200)
    except OSError:
        return False
