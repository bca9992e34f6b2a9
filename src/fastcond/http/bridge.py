"""From a cold request of the core to the ASGI application and back; nothing is streamed, all is bounded."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from fastcond.errors import BadTarget
from fastcond.http import target
from fastcond.http.errors import error_body

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message

log = structlog.get_logger("fastcond.http")


@dataclass(frozen=True, slots=True)
class ColdRequest:
    """A complete request that the core parsed and does not answer itself."""

    seq: int
    method: str
    target: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete answer, and the row that made it (for metrics)."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    row: str


async def ask(app: ASGIApp, request: ColdRequest, *, instance: str) -> Reply:
    """Run a request through the application; a fault in it is logged once and answered with 500."""
    try:
        path, query = target.split(request.target)
    except BadTarget as error:
        return error_reply(400, str(error), instance=instance)
    scope = _scope(request, path, query)
    collected = _Collector(request.body)
    try:
        await app(scope, collected.receive, collected.send)
    except Exception:
        # The application has its own answer for a fault and raises it again for us to see.
        log.exception("a request failed", method=request.method, target=request.target.decode("latin-1"))
        if collected.status == 0:
            return error_reply(500, "internal error", instance=instance)
    route = scope.get("route")
    return Reply(
        collected.status, collected.headers, b"".join(collected.parts), getattr(route, "path", "unmatched")
    )


def error_reply(
    status: int, message: str, *, instance: str, retryable: bool = False, retry_after_s: int | None = None
) -> Reply:
    """Return an error answer made without the application."""
    headers = [(b"content-type", b"application/json")]
    if retry_after_s is not None:
        headers.append((b"retry-after", str(retry_after_s).encode()))
    body = error_body(status, message, instance=instance, retryable=retryable)
    return Reply(status, headers, body, "unmatched")


class _Collector:
    """The two callables of ASGI, holding one body each way."""

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.parts: list[bytes] = []

    async def receive(self) -> Message:
        if self._body is None:
            # Asked again: the application wants to know when the client leaves. Nobody waits for a cold
            # request long enough to tell it.
            await asyncio.Event().wait()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            # The core frames the answer.
            self.headers = [
                (name, value) for name, value in message.get("headers", ()) if name != b"content-length"
            ]
        elif message["type"] == "http.response.body":
            self.parts.append(message.get("body", b""))


def _scope(request: ColdRequest, path: str, query: bytes) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": path,
        "raw_path": request.target.partition(b"?")[0],
        "query_string": query,
        "root_path": "",
        "headers": request.headers,
        "client": None,
        "server": None,
    }
