"""``reconwatch replay``: files into a topic, at the pace of their event time if wanted."""

from contextlib import closing

import click

from detector.errors import ConfigError
from pipelines.cli.options import config_options
from pipelines.clock import SystemClock
from pipelines.io.decoders.times import TimeField
from pipelines.io.kafka.config import KafkaConfig
from pipelines.io.packing import Kind, packing
from pipelines.io.sources.file import FileConfig
from pipelines.settings import Settings

EXAMPLE = """\b
Example:
  reconwatch replay pump.csv --to kafka -c configs/kafka.yaml
  reconwatch replay 'plant/*.csv.gz' --to kafka -c configs/kafka.yaml --speed 60
  reconwatch replay pump.csv --to kafka -c configs/kafka.yaml --format binary --samples 64
"""


@click.command(epilog=EXAMPLE)
@click.argument("files", nargs=-1, required=True)
@click.option("--to", "target", type=click.Choice(["kafka"]), required=True, help="Where to.")
@click.option("--topic", help="Topic; by default the first of source.topics.")
@click.option("--speed", type=click.FloatRange(0, min_open=True), help="Event seconds per second; else at once.")
@click.option("--key", help="Column that names the series; else the name of the file.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["wide", "long", "envelope", "binary"]),
    help="One record per row, per value, or per so many rows as JSON or binary; by default what decoder.kind reads "
    "(per row where that is long: the files are then taken to be so).",
)
@click.option("--time", "column", help="Column of the event time; by default as decoder.timestamp says.")
@click.option("--samples", type=click.IntRange(1), default=64, show_default=True, help="Rows of one envelope.")
@config_options
def replay(
    settings: Settings,
    files: tuple[str, ...],
    target: str,
    topic: str | None,
    speed: float | None,
    key: str | None,
    kind: Kind | None,
    column: str | None,
    samples: int,
) -> None:
    """Write FILES (CSV or JSON lines, .gz too) into a topic as devices would, keyed by series."""
    from pipelines.io.kafka.feed import Feed

    source = settings.source
    if not isinstance(source, KafkaConfig):
        raise ConfigError(f"source.kind is {source.kind}: name the brokers under a source of kind {target}.")
    name = topic or (source.topics[0] if source.topics else None)
    if name is None:
        raise ConfigError("source has a pattern and no topics: say --topic.")
    time = getattr(settings.decoder, "timestamp", None) or TimeField()
    time = time.model_copy(update={"path": column or time.path})
    asked = kind or ("wide" if settings.decoder.kind == "long" else settings.decoder.kind)
    config = FileConfig(paths=files, speed=speed, timestamp=time, chunk_rows=1000)
    with (
        closing(config.open(SystemClock())) as reader,
        closing(
            Feed(source.connection, name, source.producer, packing(asked, samples, time, settings.decoder), key)
        ) as feed,
    ):
        while (batch := reader.poll(0.5)) is not None:
            feed.write(batch)
        feed.finish()
        feed.flush()
        sent = feed.sent
    click.echo(f"{sent} records written to {name}.", err=True)
