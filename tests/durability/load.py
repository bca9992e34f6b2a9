"""Starters and workers that keep a server busy, note all in the ledger, and live through its deaths."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.durability.wire import Answer, Connection, LostError, Traffic
from tests.durability.workflows import (
    RESPONSE_TIMEOUT_S,
    STARTABLE,
    TASK_TYPES,
    task_definitions,
    workflow_definitions,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from tests.durability.ledger import Attempt, Ledger, Send

STARTERS = 4
POLLERS_PER_TYPE = 2
UPDATERS = 8
POLL_COUNT = 4
POLL_TIMEOUT_MS = 100
START_PAUSE_S = 0.05
LATE_S = RESPONSE_TIMEOUT_S + 0.5
WORKER = "durability"


@dataclass(frozen=True)
class Misbehaviour:
    """How often workers do what they should not, as shares of all results (quality F7 and F12)."""

    repeats: float = 0.08
    """Sends a second result, with another output, after the first."""
    races: float = 0.05
    """Sends two results at the same time."""
    drops: float = 0.02
    """Never answers."""
    is_late: float = 0.02
    """Answers only after the response timeout, when a retry has begun."""
    fails: float = 0.4
    """Fails the first attempts of a retrying task."""
    asks_for_time: float = 0.05
    """Says IN_PROGRESS first, so that the task is handed out again."""


WELL_BEHAVED = Misbehaviour(repeats=0, races=0, drops=0, is_late=0, fails=0, asks_for_time=0)


class Load:
    """The clients of one run. `up` is set while the server is thought to answer."""

    def __init__(self, port: int, ledger: Ledger, *, seed: int) -> None:
        self.traffic = Traffic()
        self.ledger = ledger
        self.up = asyncio.Event()
        self.misbehaviour = Misbehaviour()
        self.starts_max: int | None = None
        self._port = port
        self._random = random.Random(seed)
        self._is_starting = True
        self._tasks: set[asyncio.Task[None]] = set()
        self._updaters: asyncio.Queue[Connection] = asyncio.Queue()
        self._connections: list[Connection] = []

    def begin(self) -> None:
        """Starts all clients."""
        for _ in range(UPDATERS):
            self._updaters.put_nowait(self._connection())
        for _ in range(STARTERS):
            self._spawn(self._start_workflows(self._connection()))
        for task_type in TASK_TYPES:
            for _ in range(POLLERS_PER_TYPE):
                self._spawn(self._poll(task_type, self._connection()))

    def behave(self) -> None:
        """Ends the disturbances: no more starts, and workers do what they should."""
        self._is_starting = False
        self.misbehaviour = WELL_BEHAVED

    async def end(self) -> None:
        """Stops all clients."""
        for task in self._tasks:
            task.cancel()
        results = await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in self._connections:
            await connection.close()
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
                raise result

    def check_alive(self) -> None:
        """Raises what ended a client, if one ended by an error."""
        for task in self._tasks:
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                raise error

    async def register(self) -> None:
        """Registers the definitions of the run."""
        connection = self._connection()
        for path, body in (("taskdefs", task_definitions()), ("workflow", workflow_definitions())):
            method = "POST" if path == "taskdefs" else "PUT"
            answer = await connection.call(method, f"/api/metadata/{path}", body=body)
            assert answer.is_ok, answer

    async def _start_workflows(self, connection: Connection) -> None:
        while self._is_starting and (self.starts_max is None or len(self.ledger.starts) < self.starts_max):
            await self.up.wait()
            kind = self._random.choice(STARTABLE)
            token = self.ledger.new_token("s")
            start = self.ledger.note_start(token, kind=kind, now=time.monotonic())
            body = {"name": kind, "version": 1, "input": {"token": token}, "correlationId": token}
            try:
                answer = await connection.call("POST", "/api/workflow", body=body, is_write=True)
            except LostError as lost:
                start.may_have_arrived = lost.may_have_arrived
                await self._pause()
                continue
            if answer.is_ok:
                start.workflow_id, start.acked_at = answer.text(), time.monotonic()
            else:
                start.may_have_arrived = True
                self._complain("start", answer)
            await asyncio.sleep(self._random.expovariate(1 / START_PAUSE_S))

    async def _poll(self, task_type: str, connection: Connection) -> None:
        query = f"workerid={WORKER}&count={POLL_COUNT}&timeout={POLL_TIMEOUT_MS}"
        while True:
            await self.up.wait()
            polled_at = time.monotonic()
            try:
                answer = await connection.call("GET", f"/api/tasks/poll/batch/{task_type}?{query}")
            except LostError:
                await self._pause()
                continue
            if not answer.is_ok:
                self._complain("poll", answer)
                await self._pause()
                continue
            for task in answer.json():
                self._take(task, polled_at=polled_at)

    def _take(self, task: dict[str, Any], *, polled_at: float) -> None:
        attempt = self.ledger.note_offer(task, polled_at=polled_at)
        self._spawn(self._work(attempt))

    async def _work(self, attempt: Attempt) -> None:
        """Plays one worker with one task in its hands."""
        manner, dice = self.misbehaviour, self._random.random()
        status = "COMPLETED"
        if (
            attempt.ref in ("now", "later")
            and attempt.retry_count < 2
            and self._random.random() < manner.fails
        ):
            status = "FAILED"
        for share, act in (
            (manner.drops, self._drop),
            (manner.is_late, self._be_late),
            (manner.races, self._race),
            (manner.repeats, self._repeat),
            (manner.asks_for_time, self._ask_for_time),
        ):
            if dice < share:
                await act(attempt, status)
                return
            dice -= share
        await self._settle(attempt, status)

    async def _settle(self, attempt: Attempt, status: str) -> None:
        """Sends results until one is acknowledged, each with a token of its own."""
        while not await self._send(attempt, status):
            await self._pause()

    async def _drop(self, attempt: Attempt, status: str) -> None:
        del attempt, status
        self.ledger.dropped += 1

    async def _be_late(self, attempt: Attempt, status: str) -> None:
        await asyncio.sleep(LATE_S)
        self.ledger.late += 1
        await self._settle(attempt, status)

    async def _race(self, attempt: Attempt, status: str) -> None:
        attempt.is_contended = True
        await asyncio.gather(self._settle(attempt, status), self._settle(attempt, status))

    async def _repeat(self, attempt: Attempt, status: str) -> None:
        await self._settle(attempt, status)
        await self._settle(attempt, self._random.choice(["COMPLETED", "FAILED"]))

    async def _ask_for_time(self, attempt: Attempt, status: str) -> None:
        del status
        attempt.progress_sends += 1
        body = self._result(attempt, "IN_PROGRESS", token=self.ledger.new_token("p"))
        async with self._updater() as connection:
            await _write(connection, "/api/tasks", body)

    async def _send(self, attempt: Attempt, status: str) -> bool:
        """Sends one result by one of the three routes and tells whether it was acknowledged."""
        async with self._updater() as connection:
            # By reference name the server picks the attempt that is open now; it is this one only while
            # nothing else was sent for it and its time has not run out.
            age_s = time.monotonic() - attempt.offered_at[-1]
            is_sure = not attempt.sends and not attempt.is_contended and age_s < RESPONSE_TIMEOUT_S / 3
            send = self.ledger.note_send(attempt, status=status, now=time.monotonic())
            dice = self._random.random()
            if dice < 0.1 and is_sure:
                path = f"/api/tasks/{attempt.workflow_id}/{attempt.ref}/{status}?workerid={WORKER}"
                answer = await _write(connection, path, {"token": send.token})
            else:
                path = "/api/tasks" if dice < 0.5 else "/api/tasks/update-v2"
                answer = await _write(connection, path, self._result(attempt, status, token=send.token))
        if path.endswith("/update-v2") and answer is not None and answer.status == 200:
            self._take(answer.json(), polled_at=send.sent_at)
        return self._note_answer(attempt, send, answer)

    def _note_answer(self, attempt: Attempt, send: Send, answer: Answer | None) -> bool:
        if answer is None:
            return False
        if not answer.is_ok:
            self._complain(f"update of {attempt.task_id}", answer)
            return False
        is_text = answer.content_type.startswith("text/plain")
        if is_text and answer.text() != attempt.task_id:
            self.ledger.complaints.append(
                f"wrong: update of {attempt.task_id} was answered {answer.text()!r}"
            )
        send.acked_at = time.monotonic()
        self.ledger.updates_acked += 1
        return True

    @asynccontextmanager
    async def _updater(self) -> AsyncIterator[Connection]:
        """Gives a free connection while the server is thought to answer."""
        connection = await self._updaters.get()
        try:
            await self.up.wait()
            yield connection
        finally:
            self._updaters.put_nowait(connection)

    def _result(self, attempt: Attempt, status: str, *, token: str) -> dict[str, Any]:
        return {
            "taskId": attempt.task_id,
            "workflowInstanceId": attempt.workflow_id,
            "workerId": WORKER,
            "status": status,
            "callbackAfterSeconds": 0,
            "outputData": {"token": token},
        }

    def _complain(self, what: str, answer: Answer) -> None:
        self.ledger.complaints.append(f"wrong: {what} was answered {answer.status} {answer.body[:300]!r}")

    def _connection(self) -> Connection:
        connection = Connection(self._port, self.traffic)
        self._connections.append(connection)
        return connection

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or task.exception() is None:
            self._tasks.discard(task)

    async def _pause(self) -> None:
        """Lets the event loop turn before the next try; the wait for `up` is what really paces it."""
        await asyncio.sleep(0.005)


async def _write(connection: Connection, path: str, body: Any) -> Answer | None:
    """Sends one update; None when its answer is lost."""
    try:
        return await connection.call("POST", path, body=body, is_write=True)
    except LostError:
        return None
