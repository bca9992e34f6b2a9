"""The pool that runs I/O system tasks inside this process.

To the engine such a task is an external one: the pool leases attempts with `system.poll`, runs the worker
function of their type and reports with `system.update`, exactly as a worker outside would. A crash of a
worker function fails its attempt and nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import structlog

from fastcond.workers.port import Result, Work, read_json, write_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastcond.runtime.calls import Calls
    from fastcond.runtime.metrics import Metrics
    from fastcond.workers.port import Run

log = structlog.get_logger("fastcond.workers")

# The longest a poll may be parked (rest-api 14).
_POLL_TIMEOUT_MS = 5000
# After an answer that is neither work nor nothing, before asking again.
_PAUSE_S = 1.0
# A result is reported this often before its lease is left to expire and the attempt to be made again.
_REPORT_TRIES_MAX = 5


class WorkerPool:
    """Polls one queue per task type and runs at most `concurrency_max` attempts of each at one time."""

    def __init__(
        self,
        calls: Calls,
        kinds: Mapping[str, Run],
        *,
        worker_id: str,
        concurrency_max: int,
        metrics: Metrics,
    ) -> None:
        self._calls = calls
        self._kinds = kinds
        self._worker_id = worker_id
        self._concurrency_max = concurrency_max
        self._metrics = metrics
        self._running: dict[str, set[asyncio.Task[None]]] = {kind: set() for kind in kinds}
        self._pollers: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()
        metrics.describe("fastcond_worker_results_total", "Attempts of system tasks by type and outcome.")
        metrics.gauges(
            "fastcond_worker_running",
            "Attempts of system tasks that run now.",
            lambda: {(("taskType", kind),): len(tasks) for kind, tasks in self._running.items()},
        )

    def start(self) -> None:
        """Begin to poll."""
        loop = asyncio.get_running_loop()
        self._pollers = [loop.create_task(self._poll(kind), name=f"poll {kind}") for kind in self._kinds]

    async def stop(self, *, within_s: float) -> None:
        """Lease no more, let running attempts finish and report, and cancel what is left when the time is up.

        Parked polls end when the core answers them. A cancelled attempt keeps its lease until that expires.
        """
        self._stopping.set()
        tasks = {*self._pollers, *(task for running in self._running.values() for task in running)}
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=within_s)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _poll(self, kind: str) -> None:
        running = self._running[kind]
        while not self._stopping.is_set():
            free = self._concurrency_max - len(running)
            if free <= 0:
                await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                continue
            answer = await self._calls.submit(
                "system.poll",
                {
                    "tasktype": kind,
                    "workerid": self._worker_id,
                    "count": str(free),
                    "timeout": str(_POLL_TIMEOUT_MS),
                },
            )
            if answer.status != 200:
                if not self._stopping.is_set():
                    log.warning("system tasks cannot be polled", task_type=kind, status=answer.status)
                await self._pause()
                continue
            for task in read_json(answer.body):
                attempt = asyncio.get_running_loop().create_task(self._attempt(kind, task))
                running.add(attempt)
                attempt.add_done_callback(running.discard)

    async def _attempt(self, kind: str, task: Mapping[str, Any]) -> None:
        work = _work_of(kind, task)
        try:
            result = await self._kinds[kind](work)
            body = self._report_of(work, result)
        except Exception as error:
            log.exception("a system task's worker crashed", task_type=kind, task_id=work.task_id)
            result = Result("FAILED", reason=f"the {kind} worker crashed: {type(error).__name__}: {error}")
            body = self._report_of(work, result)
        self._metrics.count("fastcond_worker_results_total", taskType=kind, outcome=result.outcome)
        refusal = await self._report(work, body)
        if refusal is not None:
            # What came back cannot be kept, too deep or too large perhaps. The attempt must not wait for it.
            result = Result("FAILED", reason=f"the result of the {kind} task was refused: {refusal}")
            await self._report(work, self._report_of(work, result))

    def _report_of(self, work: Work, result: Result) -> bytes:
        report: dict[str, object] = {
            "workflowInstanceId": work.workflow_id,
            "taskId": work.task_id,
            "workerId": self._worker_id,
            "status": result.outcome,
            "outputData": result.output,
        }
        if result.reason is not None:
            report["reasonForIncompletion"] = result.reason
        return write_json(report)

    async def _report(self, work: Work, body: bytes) -> str | None:
        """Hand a result in; return why it was refused, if it was and its workflow is not gone (404)."""
        for _ in range(_REPORT_TRIES_MAX):
            answer = await self._calls.submit("system.update", {}, body)
            if answer.status < 500:
                break
            await self._pause()
        if answer.status < 400:
            return None
        text = answer.body[:300].decode("utf-8", "replace")
        if answer.status < 500 and answer.status != 404:
            return text
        log.warning(
            "a system task's result was not taken",
            task_id=work.task_id,
            workflow_id=work.workflow_id,
            status=answer.status,
            answer=text,
        )
        return None

    async def _pause(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), timeout=_PAUSE_S)


def _work_of(kind: str, task: Mapping[str, Any]) -> Work:
    task_input = task.get("inputData") or {}
    flag = task_input.get("asyncComplete")
    if flag is None:
        flag = (task.get("workflowTask") or {}).get("asyncComplete")
    return Work(
        task_id=task["taskId"],
        workflow_id=task["workflowInstanceId"],
        task_type=kind,
        input=task_input,
        is_async_complete=flag is True or str(flag).lower() == "true",
    )
