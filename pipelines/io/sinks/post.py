"""One POST of JSON over HTTP, with a deadline; what went wrong says whether trying again makes sense."""

import http.client
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

import orjson
from pydantic import SecretStr

_ITS_OWN_FAULT = frozenset({400, 413, 422})
"""Answers that say that this very message is wrong; the same message would be refused for ever."""


class Unanswered(Exception):
    """Nobody took the message; it may be sent again.

    Attributes:
        wait_s: how long the receiver asks to be left alone, None if it does not say.
    """

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


class Refused(Exception):
    """The receiver does not want this message, now or later."""


class _NoRedirect(HTTPRedirectHandler):
    """A redirect of a POST would become a GET that loses the message."""

    def redirect_request(self, *args: Any) -> None:
        """Follows none."""


class Address:
    """A receiver; its whole URL may be a secret and never appears in an error.

    Args:
        url: http(s)://...
        headers: of every request, secrets in the clear.
        timeout_s: for the connection, and for every answer.
        ca_file: PEM file of the authority that signed the receiver, None for those of the system.
    """

    def __init__(self, url: str, headers: Mapping[str, str], timeout_s: float, ca_file: str | None = None) -> None:
        self._url, self._timeout_s = url, timeout_s
        self._headers = {"Content-Type": "application/json", "User-Agent": "reconwatch", **headers}
        self._opener = build_opener(_NoRedirect, HTTPSHandler(context=ssl.create_default_context(cafile=ca_file)))

    @property
    def host(self) -> str:
        """Host and port, without user and path."""
        return urlsplit(self._url).netloc.rpartition("@")[2]

    def post(self, message: Any) -> None:
        """Sends ``message`` as JSON.

        Raises:
            Unanswered: nobody took it.
            Refused: the receiver says that it is wrong.
        """
        request = Request(self._url, orjson.dumps(message), self._headers)
        try:
            self._opener.open(request, timeout=self._timeout_s).close()
        except HTTPError as error:
            with error:
                if error.code in _ITS_OWN_FAULT:
                    said = error.read(200).decode("utf-8", "replace")
                    raise Refused(f"{self.host} answers {error.code}: {' '.join(said.split())}") from None
                raise Unanswered(f"{self.host} answers {error.code}", _asked(error)) from None
        except (OSError, http.client.HTTPException) as error:
            raise Unanswered(f"{self.host} does not answer: {getattr(error, 'reason', error)}") from None


def _asked(error: HTTPError) -> float | None:
    asked = error.headers.get("Retry-After", "")
    return float(asked) if asked.isdecimal() else None


def checked(url: Any) -> Any:
    """Refuses what is no address on the web, without repeating it: it may be a secret.

    Raises:
        ValueError: it is none.
    """
    text = url.get_secret_value() if isinstance(url, SecretStr) else url
    if text is not None and (urlsplit(text).scheme not in ("http", "https") or not urlsplit(text).hostname):
        raise ValueError("must begin with http:// or https:// and name a host")
    return url
