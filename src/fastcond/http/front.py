"""All connections of the listener: admission, cold requests, answers, deadlines, the graceful end."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from fastcond.http.bridge import ColdRequest, Reply, ask, error_reply
from fastcond.http.errors import error_body
from fastcond.http.protocol import Connection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from starlette.types import ASGIApp

    from fastcond._core import Node
    from fastcond.config import HttpConfig
    from fastcond.runtime.metrics import Metrics

_SWEEP_S = 1.0


class Front:
    """The connections by the core's handle, and the cold requests under way."""

    def __init__(
        self, node: Node, app: ASGIApp, *, config: HttpConfig, instance: str, metrics: Metrics
    ) -> None:
        self._node = node
        self._app = app
        self._config = config
        self._instance = instance
        self._metrics = metrics
        self._loop = asyncio.get_running_loop()
        self._connections: dict[int, Connection] = {}
        self._cold: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.TimerHandle | None = None
        self._on_quiet: asyncio.Event | None = None
        self.kick: Callable[[], None] = lambda: None
        metrics.describe("fastcond_http_requests_total", "Requests off the hot routes.")
        metrics.describe("fastcond_http_seconds", "Time of requests off the hot routes.")
        metrics.describe("fastcond_http_refused_total", "Connections and requests refused for load.")
        metrics.gauge("fastcond_http_connections", "Open client connections.", lambda: len(self._connections))
        metrics.gauge(
            "fastcond_http_in_flight", "Requests off the hot routes under way.", lambda: len(self._cold)
        )

    def accept(self) -> Connection:
        """Return the protocol for a new socket."""
        return Connection(self, self._node, self._config, self._loop)

    def start(self) -> None:
        """Begin to watch deadlines."""
        self._sweeper = self._loop.call_later(_SWEEP_S, self._sweep)

    def refusal(self) -> bytes | None:
        """Return the bytes that turn a new connection away, None when there is room."""
        if len(self._connections) < self._config.connections_max:
            return None
        self._metrics.count("fastcond_http_refused_total", what="connection")
        body = error_body(503, "too many connections", instance=self._instance, retryable=True)
        return (
            b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\n"
            b"connection: close\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
        )

    def add(self, connection: Connection) -> None:
        """Take a connection in."""
        self._connections[connection.handle] = connection

    def remove(self, connection: Connection) -> None:
        """Let a connection go."""
        del self._connections[connection.handle]
        self._look_for_quiet()

    def deliver(self, replies: Iterable[tuple[int, bytes, bool]]) -> None:
        """Write what the core made ready; answers to connections that are gone are dropped."""
        for handle, data, is_last in replies:
            connection = self._connections.get(handle)
            if connection is not None:
                connection.reply(data, is_last)
        self._look_for_quiet()

    def ask(self, handle: int, cold: list[tuple[int, str, bytes, list[tuple[bytes, bytes]], bytes]]) -> None:
        """Serve cold requests, each in its own task; past the bound they are told to come back."""
        for parts in cold:
            request = ColdRequest(*parts)
            if len(self._cold) >= self._config.cold_in_flight_max:
                self._metrics.count("fastcond_http_refused_total", what="request")
                refusal = error_reply(
                    429,
                    "too many requests in flight",
                    instance=self._instance,
                    retryable=True,
                    retry_after_s=1,
                )
                self._respond(handle, request, refusal)
                continue
            task = self._loop.create_task(self._serve(handle, request))
            self._cold.add(task)
            task.add_done_callback(self._cold.discard)

    async def drain(self, *, within_s: float) -> None:
        """Let waiting clients have their answers, each connection ending after its own."""
        self._on_quiet = asyncio.Event()
        self._look_for_quiet()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._on_quiet.wait(), timeout=within_s)
        if self._sweeper is not None:
            self._sweeper.cancel()
        for connection in list(self._connections.values()):
            connection.close()
        for task in self._cold:
            task.cancel()

    async def _serve(self, handle: int, request: ColdRequest) -> None:
        began = self._loop.time()
        reply = await ask(self._app, request, instance=self._instance)
        self._metrics.count(
            "fastcond_http_requests_total",
            method=_known(request.method),
            uri=reply.row,
            status=str(reply.status),
        )
        self._metrics.observe("fastcond_http_seconds", self._loop.time() - began, uri=reply.row)
        self._respond(handle, request, reply)

    def _respond(self, handle: int, request: ColdRequest, reply: Reply) -> None:
        if handle in self._connections:
            self._node.respond(handle, request.seq, reply.status, reply.headers, reply.body)
            self.kick()

    def _sweep(self) -> None:
        now = self._loop.time()
        for connection in list(self._connections.values()):
            connection.expire(now)
        self._sweeper = self._loop.call_later(_SWEEP_S, self._sweep)

    def _look_for_quiet(self) -> None:
        """While stopping: end the connections that are owed nothing, and notice when none is left."""
        if self._on_quiet is None or self._on_quiet.is_set():
            return
        owed = 0
        for connection in list(self._connections.values()):
            if connection.owes_answer:
                owed += 1
            else:
                connection.close()
        if not owed:
            self._on_quiet.set()


def _known(method: str) -> str:
    """Keep the label's values bounded."""
    return method if method in {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"} else "other"
