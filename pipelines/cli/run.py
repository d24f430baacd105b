"""``reconwatch run``: the daemon."""

import logging
import signal
import threading
from types import FrameType

import click

from detector.errors import TooManyDeadLetters
from detector.training.allocator import keep_freed_memory
from pipelines.cli.options import origin_options
from pipelines.clock import SystemClock
from pipelines.io.kafka.config import KafkaConfig
from pipelines.loading import Origin
from pipelines.wiring import opened

EPILOG = """\b
Example:
  reconwatch run -c configs/example.yaml
  tail -F pump.jsonl | reconwatch run -c pump.yaml --set source.kind=stdin
"""

log = logging.getLogger(__name__)


@click.command(epilog=EPILOG)
@origin_options
def run(origin: Origin) -> None:
    """Read a stream, score it and raise alerts until the stream ends or the process is told to stop.

    SIGTERM and SIGINT finish the batch in hand: its results are written and committed. Where too many records cannot
    be read it stops reading; beside Kafka it then stays, unready and saying why, until it is told to stop.
    """
    settings = origin.read()
    settings.logging.install()
    keep_freed_memory()
    stop = threading.Event()

    def asked(number: int, frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, asked)
    signal.signal(signal.SIGINT, asked)
    with opened(settings, SystemClock(), origin) as daemon:
        try:
            daemon.processor.run(stop)
        except TooManyDeadLetters as error:
            if isinstance(settings.source, KafkaConfig):
                log.error("stopped reading: %s", error)
                stop.wait()
            raise
