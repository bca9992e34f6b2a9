"""One client connection: bytes in, bytes out, deadlines in between.

Parsing, strictness and the hot routes are the core's; a hot request costs no task and no object here. This
class owns what only the socket knows: how long a request may take to arrive, how long an answer may stay
unread, and how a connection ends without losing the answer that ended it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from fastcond._core import Node
    from fastcond.config import HttpConfig
    from fastcond.http.front import Front

# After a closing answer the rest of what the client sends is read and dropped, so that a reset does not
# overtake it.
LINGER_S_MAX = 2.0
LINGER_BYTES_MAX = 1 << 20
NOT_CONNECTED = -1


class Connection(asyncio.Protocol):
    """The protocol of one accepted socket.

    `_asked_at` is the time of the first byte since the last answer, 0 when nothing is owed: it bounds a
    request that trickles in and an answer that never comes alike.
    """

    __slots__ = (
        "_asked_at",
        "_blocked_at",
        "_closing_at",
        "_config",
        "_dropped",
        "_front",
        "_loop",
        "_node",
        "_quiet_since",
        "_transport",
        "handle",
    )

    def __init__(self, front: Front, node: Node, config: HttpConfig, loop: asyncio.AbstractEventLoop) -> None:
        self._front = front
        self._node = node
        self._config = config
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self.handle = NOT_CONNECTED
        self._asked_at = 0.0
        self._blocked_at = 0.0
        self._closing_at = 0.0
        self._quiet_since = loop.time()
        self._dropped = 0

    @property
    def owes_answer(self) -> bool:
        """Tell whether the client waits for something."""
        return self._asked_at != 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Register with the core, or turn the client away when there are too many."""
        self._transport = cast("asyncio.Transport", transport)
        refusal = self._front.refusal()
        if refusal is not None:
            self._transport.write(refusal)
            self._transport.close()
            return
        self._transport.set_write_buffer_limits(high=self._config.write_buffer_bytes_max)
        self.handle = self._node.connect()
        self._front.add(self)

    def data_received(self, data: bytes) -> None:
        """Feed the core; hand what it does not answer itself to the application."""
        if self._closing_at or self.handle == NOT_CONNECTED:
            self._dropped += len(data)
            if self._dropped > LINGER_BYTES_MAX:
                self.abort()
            return
        if not self._asked_at:
            self._asked_at = self._loop.time()
        cold = self._node.feed(self.handle, data)
        if cold:
            self._front.ask(self.handle, cold)

    def reply(self, data: bytes, is_last: bool) -> None:  # noqa: FBT001 - the core's tuple, unpacked
        """Write an answer; after the last one the connection ends as soon as the client has read it."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        transport.write(data)
        self._asked_at = 0.0
        self._quiet_since = self._loop.time()
        if is_last and not self._closing_at:
            self._closing_at = self._quiet_since
            if transport.can_write_eof():
                transport.write_eof()

    def eof_received(self) -> bool:
        """End at once when the client leaves: a parked poll must not lease a task to nobody."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the interface's name
        """Tell the core, once."""
        self._transport = None
        if self.handle != NOT_CONNECTED:
            self._front.remove(self)
            self._node.disconnect(self.handle)
            self.handle = NOT_CONNECTED

    def pause_writing(self) -> None:
        """Read no more requests from a client that does not read its answers."""
        self._blocked_at = self._loop.time()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Read again."""
        self._blocked_at = 0.0
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def expire(self, now: float) -> None:
        """End the connection when one of its deadlines has passed."""
        config = self._config
        if self._closing_at:
            if now - self._closing_at > max(LINGER_S_MAX, config.write_s_max if self._blocked_at else 0.0):
                self.abort()
        elif self._blocked_at:
            if now - self._blocked_at > config.write_s_max:
                self.abort()
        elif self._asked_at:
            if now - self._asked_at > config.request_s_max:
                self.abort()
        elif now - self._quiet_since > config.idle_s_max:
            self.close()

    def close(self) -> None:
        """End the connection after what is already written."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """End the connection now."""
        if self._transport is not None:
            self._transport.abort()
