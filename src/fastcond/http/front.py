"""The edge of the listener: addresses, cold requests under way, the graceful end.

Sockets, parsing, strictness, deadlines and the hot routes are the core's; a hot request costs no object here.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import orjson

from fastcond.errors import ConfigError
from fastcond.http.bridge import ColdRequest, Reply, ask, error_reply
from fastcond.http.errors import error_body

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp

    from fastcond._core import Node
    from fastcond.config import HttpConfig
    from fastcond.runtime.metrics import Metrics

# How often a stopping server looks whether the last answers are out.
_QUIET_LOOK_S = 0.01


class Front:
    """The listener and the cold requests under way."""

    def __init__(
        self, node: Node, app: ASGIApp, *, config: HttpConfig, instance: str, metrics: Metrics
    ) -> None:
        self._node = node
        self._app = app
        self._config = config
        self._instance = instance
        self._metrics = metrics
        self._loop = asyncio.get_running_loop()
        self._cold: set[asyncio.Task[None]] = set()
        self.kick: Callable[[], None] = lambda: None
        metrics.describe("fastcond_http_requests_total", "Requests off the hot routes.")
        metrics.describe("fastcond_http_seconds", "Time of requests off the hot routes.")
        metrics.describe("fastcond_http_refused_total", "Connections and requests refused for load.")
        metrics.total("fastcond_http_refused_total", lambda: self._node.connections()[1], what="connection")
        metrics.gauge(
            "fastcond_http_connections", "Open client connections.", lambda: self._node.connections()[0]
        )
        metrics.gauge(
            "fastcond_http_in_flight", "Requests off the hot routes under way.", lambda: len(self._cold)
        )

    async def listen(self) -> int:
        """Accept connections on every address of the host and return the port.

        Raises ConfigError when an address cannot be had.
        """
        host, port = self._config.host, self._config.port
        try:
            found = await self._loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            for address in dict.fromkeys(str(entry[4][0]) for entry in found):
                # A free port is chosen once, for the first address.
                port = self._node.listen(address, port, self._bounds())
        except OSError as error:
            raise ConfigError(f"cannot listen on {host}:{port}: {error.strerror or error}") from error
        return port

    def ask(self, cold: list[tuple[int, int, str, bytes, list[tuple[bytes, bytes]], bytes]]) -> None:
        """Serve cold requests, each in its own task; past the bound they are told to come back."""
        for connection, seq, method, target, headers, body in cold:
            request = ColdRequest(seq, method, target, headers, body)
            if len(self._cold) >= self._config.cold_in_flight_max:
                self._metrics.count("fastcond_http_refused_total", what="request")
                refusal = error_reply(
                    429,
                    "too many requests in flight",
                    instance=self._instance,
                    retryable=True,
                    retry_after_s=1,
                )
                self._respond(connection, request, refusal)
                continue
            task = self._loop.create_task(self._serve(connection, request))
            self._cold.add(task)
            task.add_done_callback(self._cold.discard)

    async def drain(self, *, within_s: float) -> None:
        """Accept nobody any more and let waiting clients have their answers; then end every connection."""
        deadline = self._loop.time() + within_s
        while self._node.end_quiet() and self._loop.time() < deadline:  # noqa: ASYNC110 - the core has no event
            await asyncio.sleep(_QUIET_LOOK_S)
        self._node.end_connections()
        for task in self._cold:
            task.cancel()

    async def _serve(self, connection: int, request: ColdRequest) -> None:
        began = self._loop.time()
        reply = await ask(self._app, request, instance=self._instance)
        self._metrics.count(
            "fastcond_http_requests_total",
            method=_known(request.method),
            uri=reply.row,
            status=str(reply.status),
        )
        self._metrics.observe("fastcond_http_seconds", self._loop.time() - began, uri=reply.row)
        self._respond(connection, request, reply)

    def _respond(self, connection: int, request: ColdRequest, reply: Reply) -> None:
        self._node.respond(connection, request.seq, reply.status, reply.headers, reply.body)
        self.kick()

    def _bounds(self) -> bytes:
        config = self._config
        body = error_body(503, "too many connections", instance=self._instance, retryable=True).decode()
        head = (
            "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\n"
            f"connection: close\r\ncontent-length: {len(body.encode())}\r\n\r\n"
        )
        return orjson.dumps(
            {
                "connections_max": config.connections_max,
                "refusal": head + body,
                "idle_s_max": config.idle_s_max,
                "request_s_max": config.request_s_max,
                "write_s_max": config.write_s_max,
                "unsent_bytes_max": config.write_buffer_bytes_max,
            }
        )


def _known(method: str) -> str:
    """Keep the label's values bounded."""
    return method if method in {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"} else "other"
