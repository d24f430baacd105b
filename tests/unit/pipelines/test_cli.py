import importlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
import pytest

from detector.errors import DataError, SinkUnavailable
from pipelines.cli.main import EXIT_CODES, VERBS, cli, run


@contextmanager
def _verb(name: str, action: object) -> Iterator[None]:
    """Puts a verb into the group that does ``action``."""

    @click.command(name)
    def verb() -> None:
        if isinstance(action, BaseException):
            raise action

    original = cli.get_command
    cli.get_command = lambda ctx, found: verb if found == name else original(ctx, found)  # type: ignore[method-assign]
    try:
        yield
    finally:
        del cli.get_command  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("failure", "code", "told"),
    [
        (DataError("a.csv is empty."), 3, "reconwatch: a.csv is empty.\n"),
        (SinkUnavailable("cannot\nwrite."), 8, "reconwatch: cannot write.\n"),
        (click.UsageError("No."), 2, "reconwatch: No. Try 'reconwatch fail --help'.\n"),
        (KeyboardInterrupt(), 130, "\n"),
        (ZeroDivisionError("oops"), 1, "reconwatch: unexpected ZeroDivisionError: oops; this is a defect"),
        (None, 0, ""),
    ],
)
def test_failures_become_one_sentence_and_an_exit_code(
    failure: BaseException | None, code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with _verb("fail", failure):
        assert run(["fail"]) == code
    assert capsys.readouterr().err.startswith(told)


def test_debug_shows_where(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with _verb("fail", DataError("broken.")):
        run(["fail"])
        assert "Traceback" not in capsys.readouterr().err
        run(["--debug", "fail"])
        assert "Traceback" in capsys.readouterr().err
        monkeypatch.setenv("RECONWATCH_DEBUG", "1")
        run(["fail"])
        assert "Traceback" in capsys.readouterr().err


def test_an_unknown_verb_and_an_unknown_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fly"]) == 2
    assert run(["--fast"]) == 2
    assert capsys.readouterr().err.count("\n") == 2


def test_help_is_quick_because_it_loads_no_verb() -> None:
    program = """
import sys
from pipelines.cli.main import run
assert run(["--help"]) == 0
heavy = {"torch", "pandas", "numba", "matplotlib", "scipy", "starlette", "yaml"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.DEVNULL)


def test_a_reader_that_goes_away_is_no_failure() -> None:
    program = "from pipelines.cli.main import main; main()"
    command = f"{sys.executable} -c '{program}' config schema | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert done.stdout.strip() in {"141", "0"}, "0: all of it fitted into the pipe"


def _commands() -> Iterator[tuple[str, click.Command]]:
    for name, verb in VERBS.items():
        module, attribute = verb.target.split(":")
        command = getattr(importlib.import_module(module), attribute)
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {inner}", found) for inner, found in command.commands.items())


def test_every_verb_shows_an_example_at_the_end_of_its_help() -> None:
    lacking = [name for name, command in _commands() if "Example:" not in (command.epilog or "")]
    assert not lacking


def test_the_exit_codes_told_are_those_of_the_error_tree() -> None:
    import detector.errors as errors

    classes = [e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, errors.ReconwatchError)]
    for code in {e.exit_code for e in classes}:
        assert f"\n  {code:<5}" in EXIT_CODES
