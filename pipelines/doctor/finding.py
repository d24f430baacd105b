"""What an examination finds."""

from typing import Literal, NamedTuple

Grade = Literal["ok", "warn", "fail"]


class Finding(NamedTuple):
    """One thing that was looked at.

    Attributes:
        subject: what was looked at, such as ``topic readings``.
        grade: ok, warn (the daemon runs, but not well) or fail (it would not run, or lose what it finds).
        told: what was found.
        advice: what to do about it, empty where nothing is to be done.
    """

    subject: str
    grade: Grade
    told: str
    advice: str = ""


def fine(subject: str, told: str) -> Finding:
    """Returns that all is well."""
    return Finding(subject, "ok", told)


def failed(subject: str, error: Exception) -> Finding:
    """Returns what an error says; ours end with what to do, after a semicolon."""
    told, _, advice = " ".join(str(error).split()).rpartition("; ")
    return Finding(subject, "fail", *((told, advice) if told else (advice, "")))
