"""The drain loop: one wake-up per batch of the core, never one per request."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fastcond._core import Node

    Deliver = Callable[[Iterable[tuple[int, bytes, bool]]], None]
    Ask = Callable[[int, list[tuple[int, str, bytes, list[tuple[bytes, bytes]], bytes]]], None]
    Settle = Callable[[Iterable[tuple[int, int, str, bytes]]], None]
    Fail = Callable[[BaseException], None]


class Pump:
    """Carries what the core made ready to the sockets and to the waiting calls.

    `fail` is told of an exception out of the core or out of a delivery: after one the order of answers is
    unknown, so it must end the process and not return to serving.
    """

    def __init__(self, node: Node, *, deliver: Deliver, ask: Ask, settle: Settle, fail: Fail) -> None:
        self._node = node
        self._ask = ask
        self._deliver = deliver
        self._settle = settle
        self._fail = fail
        self._loop = asyncio.get_running_loop()
        self._is_kicked = False
        self._fd = node.fd()

    def start(self) -> None:
        """Begin to watch the core's descriptor."""
        self._loop.add_reader(self._fd, self._on_ready)

    def stop(self) -> None:
        """Drain once more and watch no longer."""
        self._on_ready()
        self._loop.remove_reader(self._fd)

    def kick(self) -> None:
        """Drain soon, once for all kicks of this turn of the loop; called after `respond`."""
        if not self._is_kicked:
            self._is_kicked = True
            self._loop.call_soon(self._on_ready)

    def _on_ready(self) -> None:
        self._is_kicked = False
        try:
            replies, answers, held = self._node.drain()
            if replies:
                self._deliver(replies)
            for handle, seq, method, target, headers, body in held:
                self._ask(handle, [(seq, method, target, headers, body)])
            if answers:
                self._settle(answers)
        except BaseException as error:
            self._fail(error)
