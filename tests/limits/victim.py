"""The victim: a small workflow, run again and again at a fixed pace, and how long each of its calls took."""

from __future__ import annotations

import http.client
import json
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.conftest import Server

PER_SECOND = 25
"""Executions begun in a second, whatever the server does meanwhile: a call that is late counts as slow."""
JSON = {"Content-Type": "application/json"}


@dataclass
class Victim:
    """Runs one-task executions of its own in a thread until it is stopped."""

    server: Server
    seconds: list[float] = field(default_factory=list)
    """How long after its time each call was answered."""
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Victim:
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        assert self._thread is not None
        self._thread.join()

    def p99(self, begin: int = 0, end: int | None = None) -> float:
        """Return the 99th percentile in seconds of the calls from one to another."""
        ordered = sorted(self.seconds[begin:end])
        return ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]

    def _run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=120)
        due = time.monotonic()
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            for call in (self._start, self._poll):
                call(connection)
                self.seconds.append(time.monotonic() - due)
            due += 1 / PER_SECOND

    def _start(self, connection: http.client.HTTPConnection) -> None:
        request = {"name": "victim", "version": 1, "input": {}}
        _answer(connection, "POST", "/api/workflow", request)

    def _poll(self, connection: http.client.HTTPConnection) -> None:
        found = _answer(connection, "GET", "/api/tasks/poll/batch/victim?count=1&timeout=0")
        for task in json.loads(found):
            result = {key: task[key] for key in ("workflowInstanceId", "taskId")} | {"status": "COMPLETED"}
            _answer(connection, "POST", "/api/tasks", result)


def _answer(connection: http.client.HTTPConnection, method: str, path: str, body: Any = None) -> bytes:
    connection.request(method, path, None if body is None else json.dumps(body), JSON)
    response = connection.getresponse()
    raw = response.read()
    if not 200 <= response.status < 300:
        raise AssertionError(f"{method} {path}: {response.status} {raw!r}")
    return raw
