"""One series between its first row over the limit and the end of the alert: all that outlives a batch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from detector.alerting.alert import ChannelShare, Severity
from detector.errors import DataError


@dataclass(slots=True)
class Excursion:
    """Pending (no severity yet) or firing.

    Attributes:
        start_ns: time of the first row over the limit.
        last_ns: time of the last row that was not calm.
        peak_ns: time of the highest score.
        peak_score: highest anomaly score.
        over_rows: rows over the limit so far.
        calm_rows: calm rows since the last one that was not.
        severity: what people were last told; None while pending.
        channels: what the highest score consists of.
    """

    start_ns: int
    last_ns: int
    peak_ns: int
    peak_score: float = 0.0
    over_rows: int = 0
    calm_rows: int = 0
    severity: Severity | None = None
    channels: tuple[ChannelShare, ...] = ()


_STATE = TypeAdapter(dict[str, Excursion])


def dumped(excursions: dict[str, Excursion]) -> dict[str, Any]:
    """Excursions by series key, fit for JSON."""
    return _STATE.dump_python(dict(sorted(excursions.items())), mode="json")


def loaded(state: Mapping[str, Any]) -> dict[str, Excursion]:
    """The excursions that ``dumped`` wrote.

    Raises:
        DataError: the state is of another version or damaged.
    """
    try:
        return _STATE.validate_python(dict(state))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise DataError(
            f"The saved state of alerts cannot be used ({where}: {first['msg']}): "
            "remove it to start without open alerts."
        ) from error
