"""``reconwatch topics create`` and ``reconwatch lag``."""

import click
import orjson

from detector.errors import ConfigError
from pipelines.cli.options import config_options
from pipelines.io.kafka.config import KafkaConfig
from pipelines.settings import Settings

CREATE_EXAMPLE = """\b
Example:
  reconwatch topics create -c configs/kafka.yaml --partitions 6
"""
LAG_EXAMPLE = """\b
Example:
  reconwatch lag -c configs/kafka.yaml
"""


@click.group(epilog=CREATE_EXAMPLE)
def topics() -> None:
    """Prepare the topics of a configuration."""


@topics.command(epilog=CREATE_EXAMPLE)
@config_options
@click.option("--partitions", type=click.IntRange(1), default=3, show_default=True, help="Partitions of every topic.")
@click.option("--replicas", type=int, default=-1, help="Copies of every record; by default what the cluster does.")
@click.option(
    "--retention-h", type=click.FloatRange(0, min_open=True), help="Hours to keep records; for ever if unset."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def create(settings: Settings, partitions: int, replicas: int, retention_h: float | None, as_json: bool) -> None:
    """Create the topics that are missing: input, results, and the compacted topic of the open alerts."""
    from pipelines.io.kafka import topics as kafka

    source = _kafka(settings)
    created = kafka.create(source, kafka.wanted(source, settings.sinks, partitions, retention_h), replicas)
    if as_json:
        click.echo(orjson.dumps(created))
        return
    for name, new in created.items():
        click.echo(f"{name}: {f'created with {partitions} partitions' if new else 'is there already'}")


@click.command(epilog=LAG_EXAMPLE)
@config_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per partition.")
def lag(settings: Settings, as_json: bool) -> None:
    """Show how many records wait to be scored, partition by partition."""
    from pipelines.io.kafka import topics as kafka

    found = kafka.lags(_kafka(settings))
    for one in found:
        if as_json:
            click.echo(orjson.dumps({**one._asdict(), "lag": one.records}))
        else:
            done = "nothing yet" if one.committed is None else f"{one.committed} done"
            click.echo(f"{one.topic}[{one.partition}]  {one.records:>10} waiting  ({done}, {one.end} written)")
    if not as_json:
        click.echo(f"total  {sum(one.records for one in found)}")


def _kafka(settings: Settings) -> KafkaConfig:
    if not isinstance(settings.source, KafkaConfig):
        raise ConfigError(f"source.kind is {settings.source.kind}: this command is for kafka.")
    return settings.source
