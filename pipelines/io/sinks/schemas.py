"""The records that leave the house, as JSON Schema: what other programs may rely on.

A schema is named after the content and its version, as the header ``reconwatch-schema`` of a Kafka record names it
(``alerts/1``). A field is added or changed with a new version only.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from detector.alerting.alert import Alert


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Score(_Record):
    """The score of one row of a series."""

    series: str
    time: str = Field(description="Event time as ISO 8601, UTC")
    time_ns: int = Field(description="Event time, nanoseconds since 1970 UTC")
    anomaly_score: float | None = Field(ge=0, description="Score over limit, 1 is the alert line; null: none")
    is_anomaly: bool = Field(description="Whether anomaly_score is 1 or more")
    p_value: float | None = Field(gt=0, le=1, description="Share of normal rows that score as high; null: no score")
    top_channel: str | None = Field(description="Channel with the largest share of the score; null: none has one")
    warming: bool = Field(description="Whether the window is not full: the series is new, or its past was cut off")


class ScoreBatch(_Record):
    """The scores of a partition and poll, as columns of the same length; an entry is rows of which the same is said."""

    v: Literal[2] = Field(description="Version of this schema")
    keys: list[str] = Field(description="Names of the series")
    channels: list[str] = Field(description="Names of the channels")
    rows: list[int] = Field(description="How many rows of the series, one after the other")
    step_ns: list[int] = Field(description="Nanoseconds from one of these rows to the next; 0 where there is one")
    series: list[int] = Field(description="Place in keys")
    time_ns: list[int] = Field(description="Event time of the first of these rows, nanoseconds since 1970 UTC")
    anomaly_score: list[float | None] = Field(description="Score over limit, 1 is the alert line; null: none")
    p_value: list[float | None] = Field(description="Share of normal rows that score as high; null: no score")
    top_channel: list[int] = Field(description="Place in channels of the largest share of the score; -1: none has one")
    warming: list[bool] = Field(description="Whether the window is not full")


class DeadLetterRecord(_Record):
    """A record that gave no reading, and why."""

    topic: str = Field(description="Where it was read: a topic, or the name of a file or stream")
    partition: int = Field(ge=0)
    offset: int = Field(ge=0)
    key: str | None
    reason: str = Field(description="One short word: not_json, no_timestamp, bad_value, damaged, lost and others")
    detail: str = Field(description="A sentence for people")
    excerpt: str = Field(description="The beginning of the record as text, unreadable bytes replaced")
    record_bytes: int = Field(
        ge=0, description="Length of the record, of which record_base64 may hold the beginning only"
    )
    record_base64: str = Field(description="The record as it came")


MODELS: dict[str, type[BaseModel]] = {
    "alerts-1": Alert,
    "scores-1": Score,
    "scores-batch-2": ScoreBatch,
    "dead_letters-1": DeadLetterRecord,
}


def record_schema(name: str) -> dict[str, Any]:
    """Returns the JSON Schema of a kind of record; no field beyond it is ever written.

    Args:
        name: content and version, such as ``alerts-1``.
    """
    schema = MODELS[name].model_json_schema(mode="serialization")
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"reconwatch:{name}"}
    for part in (schema, *schema.get("$defs", {}).values()):
        part["additionalProperties"] = False
    return head | schema
