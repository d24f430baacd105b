"""Results as records: what machines read, one JSON object each, whatever carries them."""

from base64 import b64encode
from collections.abc import Callable, Iterable
from typing import Any, Literal

import numpy as np

from detector.scoring.share import top_channel
from pipelines.io.base import DeadLetter, Output

Content = Literal["alerts", "scores", "dead_letters"]


def alerts(output: Output) -> Iterable[dict[str, Any]]:
    """One record per alert."""
    return (alert.record() for alert in output.alerts)


def scores(output: Output) -> Iterable[dict[str, Any]]:
    """One record per decision."""
    rows = output.decisions
    names = (*output.channels, None)
    columns = (
        output.names.tolist(),
        np.datetime_as_string(rows.time_ns.astype("datetime64[ns]"), timezone="UTC").tolist(),
        rows.time_ns.tolist(),
        rows.anomaly_score.tolist(),
        rows.is_anomaly.tolist(),
        rows.p_value.tolist(),
        [names[channel] for channel in top_channel(rows.contribution).tolist()],
        rows.warming.tolist(),
    )
    return (dict(zip(_SCORE_FIELDS, row, strict=True)) for row in zip(*columns, strict=True))


_SCORE_FIELDS = ("series", "time", "time_ns", "anomaly_score", "is_anomaly", "p_value", "top_channel", "warming")


def dead_letters(output: Output) -> Iterable[dict[str, Any]]:
    """One record per record that could not be read."""
    return (dead_letter(letter, letter.record) for letter in output.dead_letters)


def dead_letter(letter: DeadLetter, kept: bytes) -> dict[str, Any]:
    """One record about a record that could not be read, with as much of its bytes as is kept."""
    return {
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "key": letter.key,
        "reason": letter.reason,
        "detail": letter.detail,
        "excerpt": letter.record[:EXCERPT_BYTES].decode("utf-8", "replace"),
        "record_bytes": len(letter.record),
        "record_base64": b64encode(kept).decode(),
    }


EXCERPT_BYTES = 200


CONTENTS: dict[str, Callable[[Output], Iterable[dict[str, Any]]]] = {
    "alerts": alerts,
    "scores": scores,
    "dead_letters": dead_letters,
}
