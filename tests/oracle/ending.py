"""How a workflow ends: completion, termination, cancelling what still runs, the failure workflow (S-7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.oracle import hooks
from tests.oracle.expressions import context_of, resolve
from tests.oracle.model import CANCELED, COMPLETED, TERMINATED, Json, Object, Refusal, Task, Workflow

if TYPE_CHECKING:
    from tests.oracle.world import World


def finish(world: World, workflow: Workflow, *, terminate_task: Task | None) -> None:
    """Ends a workflow whose pass reported completion (S-7.3)."""
    if terminate_task is None:
        _complete(world, workflow)
        return
    status = terminate_task.inputs["terminationStatus"]
    reason = hooks.termination_reason(terminate_task)
    if status == COMPLETED:
        workflow.reason = reason
        _complete(world, workflow)
    else:
        terminate(world, workflow, status=status, reason=reason, task=terminate_task)


def _complete(world: World, workflow: Workflow) -> None:
    workflow.output = output_of(workflow)
    workflow.status = COMPLETED
    workflow.ended = world.now
    world.messages.append((workflow.id, workflow.output))
    cancel_rest(world, workflow)


def terminate(
    world: World,
    workflow: Workflow,
    *,
    status: str,
    reason: str | None,
    task: Task | None = None,
    compensate: bool = True,
) -> None:
    """Ends a workflow any other way (S-7.8)."""
    workflow.output = {}
    workflow.status = status
    workflow.output = output_of(workflow)
    workflow.reason = reason
    workflow.ended = world.now
    if task is not None and workflow.failed_task_id is None:
        workflow.failed_task_id = task.id
    cancel_rest(world, workflow)
    # S-7.8: the parent is told first: it does not see the note about the failure workflow, and moves first.
    world.messages.append((workflow.id, workflow.output))
    if compensate and workflow.definition.failure_workflow is not None:
        started = _start_failure_workflow(world, workflow)
        workflow.output = {**workflow.output, "conductor.failure_workflow": started}


def output_of(workflow: Workflow) -> Object:
    """The output of a workflow that ends now (S-7.12, S-7.13)."""
    for task in workflow.tasks:
        if task.type == "TERMINATE" and task.status == COMPLETED:
            return dict(task.output)
    if workflow.definition.output:
        resolved: Object = resolve(workflow.definition.output, context_of(workflow))
        return resolved
    return dict(workflow.tasks[-1].output) if workflow.tasks else workflow.output


def cancel_rest(world: World, workflow: Workflow) -> None:
    """Cancels every task that has not ended (S-7.16); what was posted to it is deleted (S-82.1)."""
    workflow.mailbox = []
    for task in workflow.tasks:
        if task.terminal:
            continue
        task.status, task.end, task.due = CANCELED, world.now, None
        child = world.workflows.get(task.child or "")
        if child is not None:
            world.begin_before_end(child)
        if child is not None and not child.terminal:
            why = f"Parent workflow has been terminated with {workflow.reason}"
            terminate(world, child, status=TERMINATED, reason=why, compensate=False)


def _start_failure_workflow(world: World, workflow: Workflow) -> str:
    """Starts the failure workflow; its id, or why there is none (S-7.9 to S-7.11)."""
    name = _failure_name(workflow)
    if not isinstance(name, str) or not name:
        return f"no failure workflow was started: {name!r} is not a name"
    given = {
        **workflow.input,
        "workflowId": workflow.id,
        "reason": workflow.reason,
        "failureStatus": workflow.status,
        "failedWorkflow": world.as_json(workflow),
    }
    if workflow.failed_task_id is not None:
        given["failureTaskId"] = workflow.failed_task_id
    try:
        started = world.start(
            name=name,
            version=workflow.definition.failure_version,
            given=given,
            correlation_id=workflow.correlation_id,
            task_to_domain=workflow.task_to_domain,
            waits_in_line=True,
        )
    except Refusal as refusal:
        return f"no failure workflow was started: {refusal.message}"
    return started.id


def _failure_name(workflow: Workflow) -> Json:
    name = workflow.definition.failure_workflow
    if isinstance(name, str) and "${" in name:
        return resolve(name, context_of(workflow))
    if isinstance(name, str) and name.startswith("$"):
        parts = name.split(".")
        return workflow.input.get(parts[2]) if len(parts) > 2 else None
    return name
