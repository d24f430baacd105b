"""``reconwatch replay``: files into a topic, at the pace of their event time if wanted."""

from contextlib import closing

import click

from detector.errors import ConfigError
from pipelines.cli.options import config_options
from pipelines.clock import SystemClock
from pipelines.io.decoders.times import TimeField
from pipelines.io.kafka.config import KafkaConfig
from pipelines.io.sources.file import FileConfig
from pipelines.settings import Settings

EXAMPLE = """\b
Example:
  reconwatch replay pump.csv --to kafka -c configs/kafka.yaml
  reconwatch replay 'plant/*.csv.gz' --to kafka -c configs/kafka.yaml --speed 60
"""


@click.command(epilog=EXAMPLE)
@click.argument("files", nargs=-1, required=True)
@click.option("--to", "target", type=click.Choice(["kafka"]), required=True, help="Where to.")
@click.option("--topic", help="Topic; by default the first of source.topics.")
@click.option("--speed", type=click.FloatRange(0, min_open=True), help="Event seconds per second; else at once.")
@click.option("--key", help="Column that names the series; else the name of the file.")
@config_options
def replay(
    settings: Settings, files: tuple[str, ...], target: str, topic: str | None, speed: float | None, key: str | None
) -> None:
    """Write FILES (CSV or JSON lines, .gz too) into a topic as devices would: one record per row, keyed by series."""
    from pipelines.io.kafka.feed import Feed

    source = settings.source
    if not isinstance(source, KafkaConfig):
        raise ConfigError(f"source.kind is {source.kind}: name the brokers under a source of kind {target}.")
    name = topic or (source.topics[0] if source.topics else None)
    if name is None:
        raise ConfigError("source has a pattern and no topics: say --topic.")
    time = settings.decoder.timestamp or TimeField()
    clock, sent = SystemClock(), 0
    config = FileConfig(paths=files, speed=speed, timestamp=time, chunk_rows=1000)
    with (
        closing(config.open(clock)) as reader,
        closing(Feed(source.connection, name, source.producer, key)) as feed,
    ):
        while (batch := reader.poll(0.5)) is not None:
            feed.write(batch)
            sent += len(batch)
        feed.flush()
    click.echo(f"{sent} records written to {name}.", err=True)
