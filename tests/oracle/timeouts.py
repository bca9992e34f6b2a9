"""The deadlines of tasks and workflows, and what happens when one passes (S-55)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.oracle.model import IN_PROGRESS, NO_RESPONSE_TIMEOUT, SCHEDULED, TIMED_OUT, Ending, Task, Workflow
from tests.oracle.retry import end_unless_excused, may_retry

if TYPE_CHECKING:
    from tests.oracle.world import World


def workflow_deadline(workflow: Workflow) -> int | None:
    """When the workflow times out (S-55.1); None when it never does."""
    definition = workflow.definition
    if definition.timeout <= 0 or definition.timeout_policy != "TIME_OUT_WF":
        return None
    return (workflow.last_retried or workflow.created) + definition.timeout * 1000


def check_workflow(world: World, workflow: Workflow) -> None:
    """Ends a workflow whose time is up (S-5.2)."""
    deadline = workflow_deadline(workflow)
    if deadline is not None and world.now >= deadline:
        raise Ending(TIMED_OUT, f"the workflow ran for more than {workflow.definition.timeout} s")


def deadlines(task: Task) -> list[tuple[int, str]]:
    """The moments at which a task times out, in the order they are looked at (S-5.7)."""
    definition = task.step.definition
    if definition is None or task.terminal:
        return []
    found = []
    if definition.timeout_policy != "ALERT_ONLY":
        if definition.total_timeout > 0:
            found.append((task.first_scheduled + definition.total_timeout * 1000, "total"))
        if definition.timeout > 0 and task.start > 0:
            found.append((task.start + (task.start_delay + definition.timeout) * 1000, "task"))
        if definition.poll_timeout > 0 and task.status == SCHEDULED and task.due is not None:
            found.append((task.due + definition.poll_timeout * 1000, "poll"))
    responds = task.status == IN_PROGRESS and task.type not in NO_RESPONSE_TIMEOUT
    if responds and definition.response_timeout > 0 and not task.step.raw.get("asyncComplete"):
        found.append((task.update + (definition.response_timeout + task.callback) * 1000, "response"))
    return found


def check_task(world: World, task: Task) -> bool:
    """Times a task out when one of its deadlines has passed (S-55.3 to S-55.7); whether one has.

    An attempt that timed out stays TIMED_OUT whatever ends the workflow later (S-54.8).
    """
    for deadline, kind in deadlines(task):
        if world.now < deadline:
            continue
        task.status, task.end, task.due = TIMED_OUT, world.now, None
        task.reason = f"{kind} timeout"
        definition = task.step.definition
        if kind != "response" and definition is not None and definition.timeout_policy == "TIME_OUT_WF":
            raise Ending(TIMED_OUT, task.reason, task)
        if not may_retry(world, task):
            end_unless_excused(task)
        return True
    return False
