"""What workers do: poll, update, extend (S-51 to S-53)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.oracle.decide import decide
from tests.oracle.model import (
    CANCELED,
    COMPLETED,
    FAILED,
    FATAL,
    IN_PROGRESS,
    SCHEDULED,
    Json,
    Object,
    Refusal,
    Task,
    Workflow,
)

if TYPE_CHECKING:
    from tests.oracle.world import World

_RESULTS = frozenset({IN_PROGRESS, COMPLETED, FAILED, FATAL, CANCELED})
REASON_CHARS_MAX = 500


def poll(
    world: World, kind: str, *, count: int, worker: str | None, domain: str | None
) -> list[tuple[Workflow, Task]]:
    """Hands out up to `count` due tasks of one type and domain (S-51.2, S-50.9)."""
    world.polled[(kind, domain)] = world.now
    waiting = []
    for workflow in world.workflows.values():
        for task in workflow.tasks:
            due = task.due is not None and task.due <= world.now and task.status == SCHEDULED
            if due and not task.system and task.type == kind and task.domain == domain:
                waiting.append((-workflow.priority, task.due or 0, task.push, workflow, task))
    found: list[tuple[Workflow, Task]] = []
    for *_, workflow, task in sorted(waiting, key=lambda w: w[:3]):
        if len(found) >= count:
            break
        if not _allowed(world, task):
            continue
        _hand_out(world, task, worker=worker)
        world.keep_timer(workflow)
        found.append((workflow, task))
    return found


def _allowed(world: World, task: Task) -> bool:
    """The limits of section 53, exact."""
    definition = task.step.definition
    if definition is None:
        return True
    if definition.concurrent_limit > 0:
        running = [
            t
            for w in world.workflows.values()
            for t in w.tasks
            if t.type == task.type and t.status == IN_PROGRESS
        ]
        if len(running) >= definition.concurrent_limit:
            return False
    if definition.rate_limit > 0:
        since = world.now - definition.rate_window * 1000
        recent = [t for t in world.handed_out.get(task.type, []) if t > since]
        return len(recent) < definition.rate_limit
    return True


def _hand_out(world: World, task: Task, *, worker: str | None) -> None:
    task.status, task.due = IN_PROGRESS, None
    task.start = task.start or world.now
    task.update = world.now
    task.callback = 0
    task.worker = worker
    task.poll_count += 1
    world.handed_out.setdefault(task.type, []).append(world.now)


def update(world: World, result: Object) -> Task:
    """Takes a worker's result (S-52.1 to S-52.6)."""
    workflow_id, task_id = result.get("workflowInstanceId"), result.get("taskId")
    if not workflow_id or not task_id:
        raise Refusal(400, "workflowInstanceId and taskId are required")
    workflow = world.find(workflow_id)
    task = workflow.task(task_id)
    if task is None:
        raise Refusal(404, f"no task {task_id} in workflow {workflow_id}")
    status = result.get("status")
    if result.get("extendLease"):
        if not task.terminal and not workflow.terminal:
            task.update = world.now
        return task
    if status not in _RESULTS:
        raise Refusal(400, f"{status} is not a result")
    apply(world, workflow, task=task, result=result)
    return task


def apply(world: World, workflow: Workflow, *, task: Task, result: Object) -> None:
    """Stores a result on a task that has not ended, and decides; a late one changes nothing (S-52.3)."""
    if task.terminal or workflow.terminal:
        return
    task.status = result["status"]
    task.output = result.get("outputData") or {}
    reason = result.get("reasonForIncompletion")
    task.reason = None if reason is None else reason[:REASON_CHARS_MAX]
    task.worker = result.get("workerId")
    task.callback = result.get("callbackAfterSeconds") or 0
    task.update, task.due = world.now, None
    if task.status == IN_PROGRESS and not task.system:
        task.status = SCHEDULED
        world.push(task, at=world.now + task.callback * 1000)
    if result["status"] != IN_PROGRESS:
        task.end = world.now
    decide(world, workflow)


def by_reference(
    world: World, workflow_id: str, *, ref: str, status: str, output: Json, worker: str | None
) -> Task | None:
    """Updates the pending task of a reference name; None when there is none (S-52.9)."""
    workflow = world.workflows.get(workflow_id)
    if workflow is None:
        return None
    if status not in _RESULTS:
        raise Refusal(400, f"{status} is not a result")
    pending = [t for t in workflow.tasks if not t.terminal]
    task = next((t for t in pending if t.ref == ref), None) or next(
        (t for t in pending if t.base == ref), None
    )
    if task is None:
        return None
    apply(
        world,
        workflow,
        task=task,
        result={"status": status, "outputData": {**task.output, **output}, "workerId": worker or task.worker},
    )
    return task
