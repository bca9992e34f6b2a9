"""The few calls that a target makes itself, over one kept connection."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from benchmarks.targets import BenchmarkError

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT_SECONDS = 60.0


class Api:
    """A Conductor API; every answer other than 200 is a BenchmarkError."""

    def __init__(self, url: str, connection: http.client.HTTPConnection) -> None:
        self._prefix = urlsplit(url).path
        self._connection = connection

    def call(self, method: str, path: str, body: object = None) -> bytes:
        """Make a request below the API's base and return the body of the answer."""
        return self._bytes(method, self._prefix + path, body)

    def metrics(self) -> str:
        """Return the server's metrics, in the text format of Prometheus."""
        return self._bytes("GET", "/metrics", None).decode()

    def _bytes(self, method: str, path: str, body: object) -> bytes:
        content = None if body is None else json.dumps(body)
        self._connection.request(method, path, content, {"Content-Type": "application/json"})
        response = self._connection.getresponse()
        found = response.read()
        if response.status != 200:
            raise BenchmarkError(f"{method} {path}: {response.status} {found[:300]!r}")
        return found


@contextlib.contextmanager
def api_of(url: str) -> Iterator[Api]:
    """Connect to the API at a base URL for the length of the block."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT_SECONDS)
    with contextlib.closing(connection):
        yield Api(url, connection)


def metric(text: str, name: str) -> float:
    """Add up the samples of a metric over all its labels."""
    found = re.findall(rf"^{re.escape(name)}(?:{{.*}})? (\S+)$", text, re.MULTILINE)
    if not found:
        raise BenchmarkError(f"the server has no metric {name}")
    return sum(map(float, found))


def workflow(name: str, tasks: list[dict[str, Any]], *, timeout_seconds: int = 0) -> dict[str, Any]:
    """Make a definition; 0 seconds are no timeout."""
    return {
        "name": name,
        "version": 1,
        "schemaVersion": 2,
        "ownerEmail": "bench@example.com",
        "timeoutPolicy": "TIME_OUT_WF" if timeout_seconds else "ALERT_ONLY",
        "timeoutSeconds": timeout_seconds,
        "tasks": tasks,
    }
