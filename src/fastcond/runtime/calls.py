"""Cold calls: a verb handed to the core returns a ticket, the turn of the loop brings the ticket's answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fastcond._core import Node


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete HTTP answer as the core gave it; an empty content type means a body-less answer."""

    status: int
    content_type: str
    body: bytes


class Calls:
    """Open tickets and who waits for them.

    `submit` and `settle` run on the event-loop thread. A ticket is settled exactly once; a caller that
    stopped waiting leaves its ticket behind to be settled into nothing, since the command itself cannot be
    taken back.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._waiting: dict[int, asyncio.Future[Answer]] = {}

    @property
    def in_flight(self) -> int:
        """Return how many tickets wait for their answer."""
        return len(self._waiting)

    async def submit(self, verb: str, params: Mapping[str, str], body: bytes = b"") -> Answer:
        """Carry out one verb and return the core's answer, refusals included."""
        ticket = self._node.submit(verb, dict(params), body)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        assert ticket not in self._waiting, "the core gave out a ticket that is still open"  # noqa: S101
        self._waiting[ticket] = future
        return await future

    def settle(self, answers: Iterable[tuple[int, int, str, bytes]]) -> None:
        """Give drained answers to their callers."""
        for ticket, status, content_type, body in answers:
            future = self._waiting.pop(ticket)
            if not future.done():
                future.set_result(Answer(status, content_type, body))
