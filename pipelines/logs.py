"""Logging to standard error, for people or as JSON lines, with recurring warnings held back."""

import logging
import sys
from typing import Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field


class LoggingConfig(BaseModel):
    """What is logged and how."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["human", "json"] = Field(default="human", description="One line for people, or one JSON object")
    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="Least level told")
    repeat_s: float = Field(default=10.0, ge=0, description="A warning of the same kind is told this often at most")

    def install(self) -> None:
        """Makes this the logging of the process."""
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(_Json() if self.format == "json" else logging.Formatter(_HUMAN, "%H:%M:%S"))
        handler.addFilter(Patience(self.repeat_s))
        logging.basicConfig(level=self.level.upper(), handlers=[handler], force=True)
        for chatty in ("uvicorn", "kafka"):
            logging.getLogger(chatty).setLevel(logging.WARNING)


_HUMAN = "%(asctime)s %(levelname)-7s %(message)s"


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "time": record.created,
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps(fields).decode()


class Patience(logging.Filter):
    """Lets a warning through once per period and place in the code, and then says how many were held back.

    Args:
        repeat_s: the period, by the times of the log records themselves.
    """

    def __init__(self, repeat_s: float) -> None:
        super().__init__()
        self._repeat_s = repeat_s
        self._told: dict[tuple[str, int], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Says whether the record is told."""
        if record.levelno != logging.WARNING:
            return True
        place = record.pathname, record.lineno
        last, held_back = self._told.get(place, (float("-inf"), 0))
        if record.created - last < self._repeat_s:
            self._told[place] = last, held_back + 1
            return False
        if held_back:
            record.msg = f"{record.getMessage()} ({held_back} alike held back)"
            record.args = None
        self._told[place] = record.created, 0
        return True
