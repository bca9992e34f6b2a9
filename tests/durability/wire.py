"""A small HTTP/1.1 client that knows exactly what it does not know.

An HTTP library hides the one fact these tests are about: whether a request whose answer never came may have
reached the server. Here every call ends in an `Answer` or in a `LostError` that says so, and nothing is ever
sent twice.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

CALL_S_MAX = 20.0


class LostError(Exception):
    """The connection ended before the answer; `may_have_arrived` is false when nothing was sent."""

    def __init__(self, what: str, *, may_have_arrived: bool) -> None:
        super().__init__(what)
        self.may_have_arrived = may_have_arrived


@dataclass(frozen=True)
class Answer:
    """One complete answer."""

    status: int
    content_type: str
    body: bytes

    @property
    def is_ok(self) -> bool:
        """Whether the server acknowledged the call."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """Returns the parsed body."""
        return json.loads(self.body)

    def text(self) -> str:
        """Returns the body as text."""
        return self.body.decode()


@dataclass
class Traffic:
    """What is under way, over all connections of one test."""

    writes_in_flight: int = 0
    lost_writes: int = 0
    calls: int = 0
    write_sent: asyncio.Event = field(default_factory=asyncio.Event)


class Connection:
    """One keep-alive connection, opened when needed; one call at a time."""

    def __init__(self, port: int, traffic: Traffic) -> None:
        self._port = port
        self._traffic = traffic
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def call(self, method: str, path: str, *, body: Any = None, is_write: bool = False) -> Answer:
        """Sends one request and waits for its answer; `is_write` counts it among the writes in flight."""
        writer = await self._connected()
        payload = b"" if body is None else json.dumps(body).encode()
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nContent-Length: {len(payload)}\r\n"
        )
        head += "Content-Type: application/json\r\n\r\n"
        self._traffic.calls += 1
        self._traffic.writes_in_flight += is_write
        try:
            writer.write(head.encode() + payload)
            if is_write:
                self._traffic.write_sent.set()
            # Not `wait_for`: before Python 3.12 it may swallow a cancellation that comes with the answer.
            async with asyncio.timeout(CALL_S_MAX):
                return await self._answer()
        except (OSError, EOFError, TimeoutError, asyncio.CancelledError) as error:
            self._traffic.lost_writes += is_write
            await self.close()
            if isinstance(error, asyncio.CancelledError):
                raise
            raise LostError(f"{method} {path}: {error!r}", may_have_arrived=True) from error
        finally:
            self._traffic.writes_in_flight -= is_write

    async def close(self) -> None:
        """Closes the connection; the next call opens a new one."""
        writer, self._reader, self._writer = self._writer, None, None
        if writer is not None:
            writer.close()
            try:
                await writer.wait_closed()
            except OSError:
                return

    async def _connected(self) -> asyncio.StreamWriter:
        if self._writer is not None and self._reader is not None and self._reader.at_eof():
            await self.close()
        if self._writer is None:
            try:
                self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
            except OSError as error:
                raise LostError(f"connect: {error!r}", may_have_arrived=False) from error
        return self._writer

    async def _answer(self) -> Answer:
        assert self._reader is not None, "connected before"
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status_line, *lines = head.split("\r\n")
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
        }
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = await self._chunks()
        else:
            body = await self._reader.readexactly(int(headers.get("content-length", "0")))
        if headers.get("connection", "").lower() == "close":
            await self.close()
        return Answer(int(status_line.split(" ")[1]), headers.get("content-type", ""), body)

    async def _chunks(self) -> bytes:
        assert self._reader is not None, "connected before"
        body = b""
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            body += (await self._reader.readexactly(size + 2))[:-2]
        await self._reader.readuntil(b"\r\n")
        return body
