"""The turn of the loop: one call of the core for everything that is ready, never one per request."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fastcond._core import Node

    ColdRequests = list[tuple[int, int, str, bytes, list[tuple[bytes, bytes]], bytes]]
    Ask = Callable[[ColdRequests], None]
    Settle = Callable[[Iterable[tuple[int, int, str, bytes]]], None]
    Fail = Callable[[BaseException], None]

_SWEEP_S = 1.0


class Pump:
    """Gives the core its turns, and what they leave to the application and to the waiting calls.

    `fail` is told of an exception out of the core or out of a delivery: after one the order of answers is
    unknown, so it must end the process and not return to serving.
    """

    def __init__(self, node: Node, *, ask: Ask, settle: Settle, fail: Fail) -> None:
        self._node = node
        self._ask = ask
        self._settle = settle
        self._fail = fail
        self._loop = asyncio.get_running_loop()
        self._is_kicked = False
        self._fd = node.fd()
        self._sweeper: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to watch the core's descriptor, and the time of its connections."""
        self._loop.add_reader(self._fd, self._turn)
        self._sweeper = self._loop.call_later(_SWEEP_S, self._sweep)

    def stop(self) -> None:
        """Give one more turn and watch no longer."""
        self._turn()
        self._loop.remove_reader(self._fd)
        if self._sweeper is not None:
            self._sweeper.cancel()

    def kick(self) -> None:
        """Give a turn soon, once for all kicks of this turn of the loop; called after `respond`."""
        if not self._is_kicked:
            self._is_kicked = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._is_kicked = False
        try:
            left = self._node.turn()
            if left is not None:
                answers, cold = left
                if cold:
                    self._ask(cold)
                if answers:
                    self._settle(answers)
        except BaseException as error:
            self._fail(error)

    def _sweep(self) -> None:
        try:
            self._node.sweep()
        except BaseException as error:
            self._fail(error)
        self._sweeper = self._loop.call_later(_SWEEP_S, self._sweep)
