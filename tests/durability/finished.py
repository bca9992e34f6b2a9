"""Clients that bring executions to their end as fast as they can, and what the server said about each."""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.durability.wire import Connection, LostError, Traffic

if TYPE_CHECKING:
    from tests.durability.server import Server

WORKFLOW = "fin_one"
TASK = "fin_work"
STARTERS = 3
WORKERS = 3
POLL_COUNT = 20
POLL_TIMEOUT_MS = 50
PAGE = 500
SEEN_SAMPLE = 100
READ_BACK = 500
READS = 10
PAUSE_S = 0.005

OPEN_MIN = 200
"""So many executions are kept open: one batch of the archive has their start and a later one their end."""

ENDS = ("COMPLETED", "COMPLETED", "COMPLETED", "FAILED", "TERMINATED")
"""How executions end, one after the other."""


@dataclass
class Told:
    """What the server acknowledged: executions by id, with the status and output token they must end with.

    An execution without an acknowledged end may be in any state, but it must be there.
    """

    started: dict[str, str] = field(default_factory=dict)
    ended: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    """Answers under way that no healthy or stopping server gives."""
    seen: dict[str, bool] = field(default_factory=dict)
    """Executions that were read back once, and whether they had ended then."""


class Finishers:
    """The clients of one server process; they stop by themselves when its connections break."""

    def __init__(self, server: Server, told: Told) -> None:
        self._server = server
        self._told = told
        self._traffic = Traffic()
        self._number = 0
        self._open = 0
        self._starting = 0

    async def run(self, *, ends_max: int) -> None:
        """Works until so many more executions have ended, or the server is gone."""
        until = len(self._told.ended) + ends_max
        clients = [self._start(until) for _ in range(STARTERS)] + [self._work(until) for _ in range(WORKERS)]
        reader = asyncio.create_task(self._read())
        await asyncio.gather(*clients)
        reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reader

    async def _start(self, until: int) -> None:
        connection = Connection(self._server.port, self._traffic)
        self._starting += 1
        try:
            while len(self._told.ended) < until:
                self._number += 1
                token = f"f-{self._server.starts}-{self._number}"
                body = {"name": WORKFLOW, "version": 1, "input": {"token": token}, "correlationId": token}
                answer = await connection.call("POST", "/api/workflow", body=body)
                if answer.status == 503:
                    break
                if not answer.is_ok:
                    self._told.wrong.append(f"wrong: start was answered {answer}")
                    break
                self._told.started[answer.text()] = token
                self._open += 1
        except LostError:
            return
        finally:
            self._starting -= 1
            await connection.close()

    async def _work(self, until: int) -> None:
        connection = Connection(self._server.port, self._traffic)
        path = f"/api/tasks/poll/batch/{TASK}?workerid=f&count={POLL_COUNT}&timeout={POLL_TIMEOUT_MS}"
        try:
            while len(self._told.ended) < until:
                if self._starting and self._open < OPEN_MIN:
                    await asyncio.sleep(PAUSE_S)
                    continue
                answer = await connection.call("GET", path)
                if answer.status == 503:
                    break
                for task in answer.json():
                    await self._end(connection, task)
        except LostError:
            return
        finally:
            await connection.close()

    async def _read(self) -> None:
        """Reads what has ended of late: whether from memory or from the archive, it never goes back (G7)."""
        dice = random.Random(len(self._told.ended))
        connection = Connection(self._server.port, self._traffic)
        try:
            while True:
                late = list(self._told.ended)[-READ_BACK:]
                for workflow_id in dice.sample(late, min(READS, len(late))):
                    answer = await connection.call("GET", f"/api/workflow/{workflow_id}?includeTasks=false")
                    status, _ = self._told.ended[workflow_id]
                    if answer.status != 503 and (not answer.is_ok or answer.json()["status"] != status):
                        self._told.wrong.append(f"lost: {workflow_id} ended {status}, reads {answer}")
                await asyncio.sleep(PAUSE_S)
        except LostError:
            return
        finally:
            await connection.close()

    async def _end(self, connection: Connection, task: dict[str, Any]) -> None:
        self._number += 1
        workflow_id, token = task["workflowInstanceId"], f"r-{self._server.starts}-{self._number}"
        status = ENDS[self._number % len(ENDS)]
        if status == "TERMINATED":
            answer = await connection.call("DELETE", f"/api/workflow/{workflow_id}?reason={token}")
        else:
            body = {
                "taskId": task["taskId"],
                "workflowInstanceId": workflow_id,
                "status": status if status == "COMPLETED" else "FAILED_WITH_TERMINAL_ERROR",
                "outputData": {"token": token},
            }
            answer = await connection.call("POST", "/api/tasks", body=body)
        if answer.is_ok:
            self._open -= 1
            self._told.ended[workflow_id] = (status, None if status == "TERMINATED" else token)
        elif answer.status != 503:
            self._told.wrong.append(f"wrong: {status} was answered {answer}")


def finish(server: Server, told: Told, *, ends_max: int) -> None:
    """Ends executions until there are so many more, or the server dies."""
    asyncio.run(Finishers(server, told).run(ends_max=ends_max))


def opened(server: Server) -> None:
    """Starts the server and registers what the clients use."""
    server.start()
    owner = "durability@example.com"
    # No time-out may come between an acknowledged result and its effect.
    task = {"name": TASK, "ownerEmail": owner, "retryCount": 0, "responseTimeoutSeconds": 3600}
    task["timeoutSeconds"] = 0
    assert server.call("POST", "/api/metadata/taskdefs", body=[task]).status == 200
    step = {"name": TASK, "taskReferenceName": "only", "type": "SIMPLE", "inputParameters": {}}
    workflow = {"name": WORKFLOW, "version": 1, "schemaVersion": 2, "ownerEmail": owner, "tasks": [step]}
    assert server.call("PUT", "/api/metadata/workflow", body=[workflow]).status == 200


def unfaithful(server: Server, told: Told) -> list[str]:
    """Returns what the server tells otherwise than it acknowledged: read by id, and found by search."""
    wrong, told.wrong = told.wrong, []
    return [*wrong, *asyncio.run(_misread(server, told)), *_misfound(server, told)]


async def _misread(server: Server, told: Told) -> list[str]:
    """G1, G3: reads every acknowledged execution, of those read before a sample."""
    connection, found = Connection(server.port, Traffic()), []
    again = random.Random(len(told.started)).sample(sorted(told.seen), min(SEEN_SAMPLE, len(told.seen)))
    todo = [*again, *(one for one in told.started if told.seen.get(one) != (one in told.ended))]
    try:
        for workflow_id in todo:
            token = told.started[workflow_id]
            answer = await connection.call("GET", f"/api/workflow/{workflow_id}?includeTasks=true")
            if not answer.is_ok:
                found.append(f"lost: {token} was acknowledged as {workflow_id}, reading it gives {answer}")
                continue
            execution = answer.json()
            if execution["input"] != {"token": token} or len(execution["tasks"]) != 1:
                found.append(f"half: {workflow_id} is {execution}")
                continue
            status, output = told.ended.get(workflow_id, (execution["status"], None))
            said = execution["tasks"][0].get("outputData", {}).get("token")
            if execution["status"] != status or (output is not None and said != output):
                found.append(
                    f"lost: {workflow_id} ended {status} with {output}, is {execution['status']} with {said}"
                )
            told.seen[workflow_id] = workflow_id in told.ended
    finally:
        await connection.close()
    return found


def _misfound(server: Server, told: Told) -> list[str]:
    """rest-api 10: a search finds every execution once, under its true status."""
    found = []
    by_status = {status: set(_search(server, f"status={status}")) for status in sorted(set(ENDS))}
    for workflow_id, (status, _) in told.ended.items():
        where = [name for name, ids in by_status.items() if workflow_id in ids]
        if where != [status]:
            found.append(f"lost: {workflow_id} ended {status}, a search finds it in {where}")
    everything = _search(server, f"workflowType={WORKFLOW}")
    if len(everything) != len(set(everything)):
        found.append("doubled: a search finds an execution twice")
    if missing := told.started.keys() - set(everything):
        found.append(f"lost: a search does not find {sorted(missing)[:5]}, {len(missing)} in all")
    return found


def _search(server: Server, query: str) -> list[str]:
    """Returns the ids of all hits, page by page in the order of their start."""
    ids: list[str] = []
    while True:
        path = f"/api/workflow/search?query={query}&start={len(ids)}&size={PAGE}&sort=startTime:ASC"
        reply = server.call("GET", path)
        assert reply.status == 200, reply
        page = reply.json()
        ids += [hit["workflowId"] for hit in page["results"]]
        if len(ids) >= page["totalHits"] or not page["results"]:
            return ids
