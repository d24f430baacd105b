"""``reconwatch tail``: what is written to the topics of results, as it comes."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import click
import numpy as np
import orjson

from detector.errors import ConfigError
from pipelines.cli.options import config_options
from pipelines.io.kafka.config import KafkaConfig, KafkaSinkConfig
from pipelines.io.sinks.score_batch import unpacked
from pipelines.settings import Settings

EXAMPLE = """\b
Example:
  reconwatch tail alerts -c configs/kafka.yaml
  reconwatch tail scores -c configs/kafka.yaml --from-start --json | head
"""


@click.command(epilog=EXAMPLE)
@click.argument("content", type=click.Choice(["alerts", "scores", "dead_letters"]))
@config_options
@click.option("--from-start", is_flag=True, help="Begin with the oldest, not with what comes from now on.")
@click.option("--no-follow", is_flag=True, help="End when everything there is has been shown.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
def tail(settings: Settings, content: str, from_start: bool, no_follow: bool, as_json: bool) -> None:
    """Show alerts, scores or dead letters as they become visible, until Ctrl-C."""
    from pipelines.io.kafka.tail import Tail

    source = settings.source
    found = [sink for sink in settings.sinks if isinstance(sink, KafkaSinkConfig) and sink.content == content]
    if not isinstance(source, KafkaConfig) or not found:
        raise ConfigError(f"the configuration writes no {content} to Kafka: add a sink of kind kafka.")
    with closing(Tail(source.connection, found[0].topic, from_start)) as records:
        while (values := records.poll()) or not (no_follow and records.ended()):
            for value in values:
                for row in _rows(value, batched=content == "scores" and found[0].batched):
                    click.echo(orjson.dumps(row) if as_json else _LINES[content](row))


def _rows(value: bytes, batched: bool) -> Iterator[dict[str, Any]]:
    """Takes a record of scores apart; every other record is one row."""
    record = orjson.loads(value)
    return unpacked(record) if batched else iter([record])


def _score(row: dict[str, Any]) -> str:
    score = row["anomaly_score"]
    told = "   none" if score is None else f"{score:7.2f}"
    mark = " *" if score is not None and score >= 1 else "  "
    colour = "red" if mark == " *" else "bright_black" if row["warming"] else None
    return click.style(f"{_time(row['time_ns'])} {told}{mark} {row['series']}  {row['top_channel'] or ''}", fg=colour)


def _alert(row: dict[str, Any]) -> str:
    colour = "green" if row["state"] == "resolved" else {"warning": "yellow"}.get(row["severity"], "red")
    state = click.style("{state:<8} {severity:<8}".format(**row), fg=colour)
    return f"{_time(row['start_ns'])}  {state}  {row['message']}"


def _dead_letter(row: dict[str, Any]) -> str:
    place = f"{row['topic']}[{row['partition']}]:{row['offset']}"
    return f"{place}  {row['reason']:<14} {row['detail']}  {row['excerpt'][:60]!r}"


def _time(time_ns: int) -> str:
    return str(np.datetime64(time_ns, "ns").astype("datetime64[s]")).replace("T", " ")


_LINES = {"alerts": _alert, "scores": _score, "dead_letters": _dead_letter}
