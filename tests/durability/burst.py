"""Many starts at once, and what became of each of them: the plain ledger for tests of one fault."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.durability.wire import Answer, Connection, LostError, Traffic
from tests.durability.workflows import task_definitions, workflow_definitions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.durability.server import Server

WORKFLOW = "kt_chain"


@dataclass(frozen=True)
class Sent:
    """One start: when it was sent, and its answer, None when the connection broke before one."""

    token: str
    sent_at: float
    answered_at: float
    answer: Answer | None

    @property
    def is_acked(self) -> bool:
        """Whether the server said yes."""
        return self.answer is not None and self.answer.is_ok


def register(server: Server) -> None:
    """Registers the definitions the starts need."""
    assert server.call("POST", "/api/metadata/taskdefs", body=task_definitions()).status == 200
    assert server.call("PUT", "/api/metadata/workflow", body=workflow_definitions()).status == 200


def burst(server: Server, name: str, *, clients: int = 6, each: int = 25) -> list[Sent]:
    """Starts workflows from several connections at once; a client stops when its connection breaks.

    The tokens are made of the name and the number of the server process, so that no two bursts share one.
    """
    return asyncio.run(_burst(server.port, f"{name}-{server.starts}", clients=clients, each=each))


async def _burst(port: int, prefix: str, *, clients: int, each: int) -> list[Sent]:
    one = [_client(port, f"{prefix}-{number}", each=each) for number in range(clients)]
    return [sent for part in await asyncio.gather(*one) for sent in part]


async def _client(port: int, prefix: str, *, each: int) -> list[Sent]:
    connection, sents = Connection(port, Traffic()), []
    try:
        for number in range(each):
            token = f"{prefix}-{number}"
            body = {"name": WORKFLOW, "version": 1, "input": {"token": token}, "correlationId": token}
            sent_at = time.monotonic()
            try:
                answer = await connection.call("POST", "/api/workflow", body=body)
            except LostError:
                sents.append(Sent(token, sent_at, time.monotonic(), None))
                break
            sents.append(Sent(token, sent_at, time.monotonic(), answer))
    finally:
        await connection.close()
    return sents


def lost_or_half(server: Server, sents: Iterable[Sent]) -> list[str]:
    """G1: returns the starts that were acknowledged and are not there, or are there and not whole."""
    found = []
    for sent in sents:
        reply = server.call("GET", f"/api/workflow/{WORKFLOW}/correlated/{sent.token}?includeTasks=true")
        executions = reply.json() if reply.status == 200 else []
        ids = [execution["workflowId"] for execution in executions]
        if sent.is_acked and (sent.answer is None or ids != [sent.answer.text()]):
            found.append(
                f"lost: {sent.token} was acknowledged by {sent.answer}, there is {ids} ({reply.status})"
            )
        if len(ids) > 1:
            found.append(f"doubled: {sent.token} is there as {ids}")
        for execution in executions:
            refs = [task["referenceTaskName"] for task in execution["tasks"]]
            if execution["input"] != {"token": sent.token} or refs != ["first"]:
                found.append(f"half: {sent.token} has the input {execution['input']} and the tasks {refs}")
    return found
