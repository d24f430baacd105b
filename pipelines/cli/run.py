"""``reconwatch run``: the daemon."""

import signal
import threading
from types import FrameType

import click

from pipelines.cli.options import config_options
from pipelines.clock import SystemClock
from pipelines.settings import Settings
from pipelines.wiring import opened

EPILOG = """\b
Example:
  reconwatch run -c configs/example.yaml
  tail -F pump.jsonl | reconwatch run -c pump.yaml --set source.kind=stdin
"""


@click.command(epilog=EPILOG)
@config_options
def run(settings: Settings) -> None:
    """Read a stream, score it and raise alerts until the stream ends or the process is told to stop.

    SIGTERM and SIGINT finish the batch in hand: its results are written and committed.
    """
    settings.logging.install()
    stop = threading.Event()

    def asked(number: int, frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, asked)
    signal.signal(signal.SIGINT, asked)
    with opened(settings, SystemClock()) as daemon:
        daemon.processor.run(stop)
