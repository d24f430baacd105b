"""What a client may ask of the small HTTP server: little, and not too often."""

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from pipelines.clock import Clock

PER_S = 20.0
BURST = 100.0
"""A scrape every second by five Prometheus, three probes and a person with a browser stay far below."""


class Limits:
    """Refuses requests with a body (413) and more than a steady rate of them (429); wraps an ASGI application.

    Args:
        application: answers what is let through.
        clock: monotonic time.
        per_s: requests per second in the long run.
        burst: requests at once.
    """

    def __init__(self, application: ASGIApp, clock: Clock, per_s: float = PER_S, burst: float = BURST) -> None:
        self._application, self._clock, self._per_s, self._burst = application, clock, per_s, burst
        self._left, self._at_s = burst, clock.monotonic_s()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request through or answers it at once."""
        refusal = self._refusal(scope)
        await (refusal or self._application)(scope, receive, send)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        headers = dict(scope["headers"])
        if headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers:
            return PlainTextResponse("requests have no body here\n", 413, {"Connection": "close"})
        now_s = self._clock.monotonic_s()
        self._left = min(self._burst, self._left + self._per_s * (now_s - self._at_s))
        self._at_s = now_s
        if self._left < 1:
            return PlainTextResponse("too many requests\n", 429, {"Retry-After": "1"})
        self._left -= 1
        return None
