"""The small HTTP server beside the loop: /metrics for Prometheus, /healthz and /readyz for probes."""

import hmac
import ipaddress
import logging
import socket
import threading
from typing import Self

import uvicorn
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from detector.errors import ConfigError
from pipelines.clock import Clock
from pipelines.stream.health import Health
from pipelines.stream.limits import Limits

log = logging.getLogger(__name__)


class ServerConfig(BaseModel):
    """Where the daemon answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = Field(default=True, description="Answer at all")
    host: str = Field(default="127.0.0.1", description="Address to listen on; beyond loopback a token is required")
    port: int = Field(default=9108, ge=0, le=65535, description="Port; 0 takes a free one and logs it")
    token: SecretStr | None = Field(
        default=None, description="Bearer token that /metrics then asks for; from the environment only"
    )

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        if self.token is None and not _loopback(self.host):
            raise ValueError(f"host {self.host} is not loopback: set a token, or listen on 127.0.0.1")
        return self


class Server:
    """Listens from the beginning, serves from its own thread between ``start`` and ``close``.

    Args:
        config: where to listen.
        registry: what /metrics shows.
        health: what the probes show.
        clock: monotonic time, to limit the rate of requests.

    Raises:
        ConfigError: the address cannot be used.
    """

    def __init__(self, config: ServerConfig, registry: CollectorRegistry, health: Health, clock: Clock) -> None:
        self._socket = _bound(config)
        self._server = uvicorn.Server(
            uvicorn.Config(
                Limits(_application(config, registry, health), clock),
                log_config=None,
                access_log=False,
                lifespan="off",
                ws="none",
                limit_concurrency=64,
                timeout_keep_alive=5,
                server_header=False,
            )
        )
        self._host = config.host
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), name="server", daemon=True)

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._socket.getsockname()[1])

    def start(self) -> None:
        """Begins to answer."""
        self._thread.start()
        log.info("answering on http://%s:%d", self._host, self.port)

    def close(self) -> None:
        """Stops answering."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(timeout=5)
        self._socket.close()


def _application(config: ServerConfig, registry: CollectorRegistry, health: Health) -> Starlette:
    def metrics(request: Request) -> Response:
        if config.token and not _bears(request, config.token):
            return PlainTextResponse("a bearer token is required\n", 401, {"WWW-Authenticate": "Bearer"})
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    def healthz(request: Request) -> Response:
        return _probe(health.dead())

    def readyz(request: Request) -> Response:
        return _probe(health.not_ready())

    return Starlette(routes=[Route("/metrics", metrics), Route("/healthz", healthz), Route("/readyz", readyz)])


def _probe(reason: str) -> Response:
    return PlainTextResponse(f"{reason or 'ok'}\n", 503 if reason else 200)


def _bears(request: Request, token: SecretStr) -> bool:
    given = request.headers.get("authorization", "")
    return hmac.compare_digest(given.encode(), f"Bearer {token.get_secret_value()}".encode())


def _bound(config: ServerConfig) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
        return socket.create_server((config.host, config.port), family=family)
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]
        raise ConfigError(
            f"cannot listen on {config.host}:{config.port}: {reason}; choose another server.port (0: any free)."
        ) from error


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
