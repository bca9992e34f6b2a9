"""Messages posted to an execution, and the tasks that pull them (S-42, S-82)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tests.oracle import dynamic_fork
from tests.oracle.model import COMPLETED, IN_PROGRESS, RUNNING, Object, Refusal, Task, Workflow

if TYPE_CHECKING:
    from tests.oracle.world import World

MESSAGES_MAX = 1000
BATCH_MAX = 100
KEPT_MS = 24 * 3600 * 1000


def post(world: World, workflow: Workflow, *, payload: Object) -> str:
    """Takes a message in and gives it to who waits for it; its id (S-82.1)."""
    if workflow.status != RUNNING:
        raise Refusal(409, f"{workflow.id} is {workflow.status}")
    _forget_old(world, workflow)
    if len(workflow.mailbox) >= MESSAGES_MAX:
        raise Refusal(429, "too many messages wait")
    moment = datetime.fromtimestamp(world.now / 1000, UTC)
    message = {
        "id": world.new_id(),
        "workflowId": workflow.id,
        "payload": payload,
        "receivedAt": moment.strftime("%Y-%m-%dT%H:%M:%S")
        + (f".{world.now % 1000:03}Z" if world.now % 1000 else "Z"),
    }
    workflow.mailbox.append(message)
    workflow.newest_mail = world.now
    for task in workflow.tasks:
        if task.type == "PULL_WORKFLOW_MESSAGES" and task.status == IN_PROGRESS:
            _pull(world, workflow, task)
    return str(message["id"])


def begin(world: World, workflow: Workflow, *, task: Task) -> None:
    """A pulling task begins (S-42.2)."""
    task.status, task.due = IN_PROGRESS, None
    _pull(world, workflow, task)


def _pull(world: World, workflow: Workflow, task: Task) -> None:
    _forget_old(world, workflow)
    wanted = dynamic_fork.whole_number(task.inputs.get("batchSize"))
    count = min(max(1 if wanted is None else wanted, 1), BATCH_MAX)
    taken, rest = workflow.mailbox[:count], workflow.mailbox[count:]
    if not taken and str(task.inputs.get("blocking", True)).lower() != "false":
        return
    workflow.mailbox = rest
    task.output = {"messages": taken, "count": len(taken)}
    task.status, task.end = COMPLETED, world.now


def _forget_old(world: World, workflow: Workflow) -> None:
    if workflow.newest_mail + KEPT_MS < world.now:
        workflow.mailbox = []
