"""What a daemon asks a tracking server of MLflow: single requests with a short deadline, without importing mlflow."""

import base64
import http.client
import json
import logging
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import Request, urlopen

from detector.errors import RegistryUnavailable
from pipelines.registry.base import Alias, unknown
from pipelines.registry.mlflow.sqlite import BUNDLE, place

log = logging.getLogger(__name__)

ABSENT = "RESOURCE_DOES_NOT_EXIST"
_NO_ALIAS = (ABSENT, "INVALID_PARAMETER_VALUE")
"""What servers answer where a model has no such alias; names are checked before."""


class RestCatalogue:
    """Aliases and versions of one registered model, and its bundles by way of the server or a shared folder.

    Args:
        uri: http(s)://HOST:PORT of the server, without a slash behind.
        name: of the registered model.
        cache: folder that keeps fetched bundles.
        timeout_s: of every request.
    """

    def __init__(self, uri: str, name: str, cache: Path, timeout_s: float) -> None:
        self._uri, self._name, self._timeout_s = uri, name, timeout_s
        self._cache = cache / name

    def resolve(self, alias: Alias) -> int | None:
        """As in ``Catalogue``."""
        try:
            answer = self._asked("mlflow/registered-models/alias", name=self._name, alias=alias)
        except _Refused as refusal:
            if refusal.code in _NO_ALIAS:
                return None
            raise self._down(refusal) from refusal
        number = int(answer["model_version"]["version"])
        if number != self.remembered(alias):
            self._remember(alias, number)
        return number

    def remembered(self, alias: Alias) -> int | None:
        """As in ``Catalogue``."""
        try:
            return int((self._cache / alias).read_text())
        except (OSError, ValueError):
            return None

    def run_id(self, number: int) -> str:
        """As in ``Catalogue``."""
        try:
            answer = self._asked("mlflow/model-versions/get", name=self._name, version=str(number))
        except _Refused as refusal:
            raise self._down(refusal) from refusal
        return str(answer["model_version"].get("run_id") or "")

    def fetch(self, number: int) -> Path:
        """As in ``Catalogue``; a bundle is downloaded once."""
        cached = self._cache / str(number)
        if cached.is_dir():
            return cached
        try:
            answer = self._asked("mlflow/model-versions/get-download-uri", name=self._name, version=str(number))
            location = str(answer["artifact_uri"])
            if not location.startswith("mlflow-artifacts:"):
                return place(location) / BUNDLE
            self._download(f"{urlsplit(location).path.strip('/')}/{BUNDLE}", cached)
        except _Refused as refusal:
            raise (unknown(self._name, number, []) if refusal.code == ABSENT else self._down(refusal)) from refusal
        return cached

    def _remember(self, alias: Alias, number: int) -> None:
        fresh = self._cache / f".{alias}.new"
        try:
            self._cache.mkdir(parents=True, exist_ok=True)
            fresh.write_text(str(number))
            fresh.replace(self._cache / alias)
        except OSError as error:
            log.warning("cannot keep the name of the %s in %s: %s", alias, self._cache, error.strerror)

    def _download(self, path: str, to: Path) -> None:
        files = self._asked("mlflow-artifacts/artifacts", path=path).get("files", [])
        to.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=to.parent))
        try:
            for name in (Path(file["path"]).name for file in files if not file["is_dir"]):
                (fresh / name).write_bytes(self._got(f"mlflow-artifacts/artifacts/{quote(path)}/{quote(name)}"))
            fresh.rename(to)
        except OSError as error:
            raise RegistryUnavailable(f"cannot keep the bundle in {to}: {error.strerror}; check the folder.") from error
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    def _asked(self, endpoint: str, **query: str) -> dict[str, Any]:
        content = self._got(f"{endpoint}?{urlencode(query)}")
        try:
            return dict(json.loads(content))
        except ValueError as error:
            raise self._down(error) from error

    def _got(self, path: str) -> bytes:
        try:
            with urlopen(_signed(f"{self._uri}/api/2.0/{path}"), timeout=self._timeout_s) as response:
                return bytes(response.read())
        except HTTPError as error:
            raise _Refused(error) from error
        except (URLError, OSError, http.client.HTTPException) as error:
            raise self._down(getattr(error, "reason", error)) from error

    def _down(self, reason: object) -> RegistryUnavailable:
        return RegistryUnavailable(f"the MLflow server {self._uri} does not answer: {reason}; is it running?")


def _signed(url: str) -> Request:
    """Returns a request that says who asks, by the variables that MLflow's own client reads."""
    request = Request(url)
    token = os.environ.get("MLFLOW_TRACKING_TOKEN")
    user = os.environ.get("MLFLOW_TRACKING_USERNAME")
    if token:
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    elif user:
        known = f"{user}:{os.environ.get('MLFLOW_TRACKING_PASSWORD', '')}".encode()
        request.add_unredirected_header("Authorization", f"Basic {base64.b64encode(known).decode()}")
    return request


class _Refused(Exception):
    """The server answered that it will not."""

    def __init__(self, error: HTTPError) -> None:
        super().__init__(f"HTTP {error.code}")
        try:
            self.code = json.loads(error.read()).get("error_code", "")
        except (ValueError, OSError):
            self.code = ""
