"""Raw bytes to a server and back, for what no client library would send."""

from __future__ import annotations

import socket
from dataclasses import dataclass

TIMEOUT_S = 15.0


@dataclass(frozen=True)
class RawAnswer:
    """One parsed answer."""

    status: int
    headers: dict[str, str]
    body: bytes


def connect(port: int) -> socket.socket:
    """Open a connection whose reads are bounded."""
    return socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S)


def until_closed(connection: socket.socket) -> bytes:
    """Read until the server ends the connection; a reset counts as an end."""
    parts: list[bytes] = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


class Reader:
    """Reads answers one after the other from a connection that stays open."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = b""

    def answer(self, *, has_body: bool = True) -> RawAnswer:
        """Read one answer framed by content-length."""
        head = self._take_head()
        status_line, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        status = int(status_line.split(" ")[1])
        length = int(headers.get("content-length", "0")) if has_body and status not in {204, 304} else 0
        while len(self._buffer) < length:
            self._more()
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        return RawAnswer(status, headers, body)

    def _take_head(self) -> bytes:
        while b"\r\n\r\n" not in self._buffer:
            self._more()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        return head

    def _more(self) -> None:
        part = self._connection.recv(65536)
        if not part:
            raise EOFError(f"the server closed after {self._buffer!r}")
        self._buffer += part
