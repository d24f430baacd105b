"""The command ``reconwatch``: finds the verb, runs it and turns every failure into one sentence and an exit code."""

import importlib
import os
import signal
import sys
import traceback
from types import SimpleNamespace
from typing import Any, NamedTuple

import click

from detector.errors import ConfigError, ReconwatchError
from pipelines.cli.extras import lacking

INTERRUPTED = 130
BROKEN_PIPE = 141
EXIT_CODES = """\b
Exit codes:
  0    success
  1    a defect of reconwatch itself (--debug shows where)
  2    a setting, an option or the environment is wrong
  3    a data file or stream cannot be used
  4    a bundle is missing, damaged or of another version
  5    the training diverged
  6    a trained detector failed its self-test
  7    the source was lost (worth a retry)
  8    an output cannot be written (worth a retry)
  9    the registry of detectors cannot be reached (worth a retry)
  10   some candidates of a retrain or models of a bake-off failed, the others are done
  11   doctor found something that would keep a daemon from running
  12   too many records could not be read
  13   the loop hung or could commit nothing (worth a retry)
  130  interrupted from the keyboard
  141  the reader of the output went away

\b
Example:
  reconwatch train --data pump.csv --out pump.bundle
  reconwatch score --bundle pump.bundle --data pump.csv --out scores.csv
"""


class Verb(NamedTuple):
    """Where a command lives (``module:attribute``) and what it does, in a line."""

    target: str
    summary: str


VERBS = {
    "demo": Verb("pipelines.cli.demo:demo", "Simulate a small plant and watch a detector find its faults."),
    "train": Verb("pipelines.cli.train:train", "Fit a detector on a CSV file and save it as a bundle."),
    "score": Verb("pipelines.cli.score:score", "Score a CSV file with a bundle."),
    "evaluate": Verb("pipelines.cli.evaluate:evaluate", "Measure detection on labelled data, beside nine baselines."),
    "bakeoff": Verb("pipelines.cli.bakeoff:bakeoff", "Compare all autoencoders: six comparisons and what they cost."),
    "inspect": Verb("pipelines.cli.inspect:inspect", "Show what is in a bundle."),
    "encode": Verb("pipelines.cli.encode:encode", "Write the codes that an autoencoder has for windows."),
    "denoise": Verb("pipelines.cli.denoise:denoise", "Write a series without its noise."),
    "impute": Verb("pipelines.cli.impute:impute", "Fill the gaps of a series."),
    "sample": Verb("pipelines.cli.sample:sample", "Make up windows with a generative autoencoder."),
    "interpolate": Verb("pipelines.cli.interpolate:interpolate", "Write what lies between two windows."),
    "compress": Verb("pipelines.cli.compress:compress", "Set compression against what it loses."),
    "run": Verb("pipelines.cli.run:run", "Run the daemon: read a stream, score it, raise alerts."),
    "retrain": Verb("pipelines.cli.retrain:retrain", "Train all candidates anew and promote the best by evidence."),
    "models": Verb("pipelines.cli.models:models", "List, compare, promote and roll back registered detectors."),
    "config": Verb("pipelines.cli.config:config", "Check, show or describe the configuration of the daemon."),
    "topics": Verb("pipelines.cli.topics:topics", "Create the Kafka topics of a configuration."),
    "replay": Verb("pipelines.cli.replay:replay", "Write files into a topic, at the pace of their event time."),
    "tail": Verb("pipelines.cli.tail:tail", "Show alerts, scores or dead letters of a topic as they come."),
    "lag": Verb("pipelines.cli.topics:lag", "Show how many records of a topic wait to be scored."),
    "doctor": Verb("pipelines.cli.doctor:doctor", "Check what a daemon needs, and say what to fix."),
    "backfill": Verb("pipelines.cli.backfill:backfill", "Score a stretch of a topic again, into another topic."),
    "dev": Verb("pipelines.cli.dev:dev", "Run a Kafka of your own, to try things out."),
}


class LazyGroup(click.Group):
    """A group that imports a verb only when it is called, so that ``--help`` answers at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names the verbs in the order of the table."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports the verb called ``cmd_name``."""
        if cmd_name not in VERBS:
            return None
        module, attribute = VERBS[cmd_name].target.split(":")
        return getattr(importlib.import_module(module), attribute)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs a verb; a closed output pipe must not reach click, which would end the process with code 1."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise _ReaderGone from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists the verbs without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, verb.summary) for name, verb in VERBS.items()])


class _ReaderGone(Exception):
    """Whoever read the output closed it."""


@click.group(cls=LazyGroup, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="reconwatch", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, envvar="RECONWATCH_DEBUG", help="Show the traceback of a failure.")
@click.pass_obj
def cli(flags: SimpleNamespace, debug: bool) -> None:
    """A streaming anomaly detector for sensors and network traffic."""
    flags.debug = debug


def run(arguments: list[str] | None = None) -> int:
    """Runs one command line and returns its exit code; failures are told on standard error in one sentence."""
    flags = SimpleNamespace(debug=bool(os.environ.get("RECONWATCH_DEBUG")))
    try:
        code: Any = cli.main(arguments, prog_name="reconwatch", standalone_mode=False, obj=flags)
        sys.stdout.flush()
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "reconwatch"
        return _told(f"{error.format_message()} Try '{path} --help'.", error.exit_code, flags.debug)
    except click.ClickException as error:
        return _told(error.format_message(), error.exit_code, flags.debug)
    except ReconwatchError as error:
        return _told(str(error), error.exit_code, flags.debug)
    except (BrokenPipeError, _ReaderGone):
        return _hushed()
    except Exception as error:  # noqa: BLE001 - the outermost net: a defect is told in a sentence too
        if isinstance(error, ModuleNotFoundError) and (sentence := lacking(error)):
            return _told(sentence, ConfigError.exit_code, flags.debug)
        sentence = f"unexpected {type(error).__name__}: {error}; this is a defect, run again with --debug to see where."
        return _told(sentence, 1, flags.debug)
    return code if isinstance(code, int) else 0


def main() -> None:
    """Entry point of the installed command."""
    # As the first process of a container nothing else would end us; verbs with results to finish set their own.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(run())


def _told(sentence: str, code: int, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    print(f"reconwatch: {' '.join(sentence.split())}", file=sys.stderr)
    return code


def _hushed() -> int:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the flush at interpreter exit must not complain either
    return BROKEN_PIPE
