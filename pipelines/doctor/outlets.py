"""Looks at the places outside Kafka that results go to: does anybody listen there?"""

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from pipelines.doctor.finding import Finding, fine
from pipelines.settings import Settings

CONNECT_S = 3.0
PORTS = {"http": 80, "https": 443}


def examine(settings: Settings) -> Iterator[Finding]:
    """Connects to every sink that has a URL; sends nothing."""
    for sink in settings.sinks:
        url = getattr(sink, "url", None)
        if url:
            yield _listens(f"sink {sink.kind}", str(url))


def _listens(subject: str, url: str) -> Finding:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or PORTS.get(parts.scheme, 80)
    try:
        socket.create_connection((host, port), CONNECT_S).close()
    except OSError as error:
        told = f"nobody answers on {host}:{port} ({error.strerror or error})"
        return Finding(subject, "warn", told, "start it, or correct its url; alerts wait in a bounded queue meanwhile")
    return fine(subject, f"{host}:{port} answers")
