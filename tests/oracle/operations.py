"""What operators do: pause, resume, terminate, remove, retry, restart (S-60 to S-62)."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from tests.oracle import definitions, ending, hooks, retry
from tests.oracle.decide import decide, launch, schedule
from tests.oracle.mapping import Mapper
from tests.oracle.model import (
    CANCELED,
    COMPLETED,
    FAILED,
    IN_PROGRESS,
    PAUSED,
    RUNNING,
    SCHEDULED,
    SKIPPED,
    TERMINATED,
    TIMED_OUT,
    Object,
    Refusal,
    Task,
    Workflow,
)
from tests.oracle.waiting import start_wait

if TYPE_CHECKING:
    from tests.oracle.world import World


def pause(workflow: Workflow) -> None:
    """S-60.1."""
    if workflow.terminal:
        raise Refusal(409, "the workflow has ended")
    workflow.status = PAUSED


def resume(world: World, workflow: Workflow) -> None:
    """S-60.3."""
    if workflow.status != PAUSED:
        raise Refusal(409, "the workflow is not paused")
    workflow.status = RUNNING
    workflow.last_retried = world.now
    world.fire(workflow)  # S-60.2: what became due meanwhile


def terminate(world: World, workflow: Workflow, *, reason: str | None, compensate: bool = False) -> None:
    """S-60.4, S-60.5."""
    if workflow.status == COMPLETED:
        raise Refusal(409, "Cannot terminate a COMPLETED workflow.")
    if not workflow.terminal:
        ending.terminate(world, workflow, status=TERMINATED, reason=reason, compensate=compensate)


def remove(world: World, workflow: Workflow, *, archive: bool) -> None:
    """S-60.6."""
    if archive and not workflow.terminal:
        raise Refusal(400, "a workflow that runs cannot be archived")
    del world.workflows[workflow.id]
    if archive:
        world.archived[workflow.id] = workflow


def reset_callbacks(world: World, workflow: Workflow) -> None:
    """S-60.9."""
    if workflow.terminal:
        raise Refusal(409, "the workflow has ended")
    for task in workflow.tasks:
        if task.status == SCHEDULED and not task.system and task.callback > 0:
            task.callback = 0
            world.push(task, at=world.now)


def skip(world: World, workflow: Workflow, *, ref: str, request: Object) -> None:
    """S-60.8."""
    if workflow.status != RUNNING:
        raise Refusal(409, "the workflow does not run")
    place = definitions.locate(workflow.definition, ref)
    if place is None or definitions.is_in_loop(place):
        raise Refusal(400, "the definition has no such task outside of loops")
    if workflow.current(ref) is not None:
        raise Refusal(409, "the task has an instance already")
    if place.step.type in {"FORK_JOIN", "FORK_JOIN_DYNAMIC"}:
        world.doubt("S-60.8: a fork is skipped, and its JOIN waits for branches that never begin")
    name = place.step.name
    task = Task(
        id=world.new_id(),
        ref=ref,
        type=name,
        def_name=name,
        step=definitions.step({"name": name, "taskReferenceName": ref, "type": name}),
        status=SKIPPED,
        scheduled=world.now,
        inputs=request.get("taskInput") or {},
        output=request.get("taskOutput") or {},
        start=world.now,
        end=world.now,
    )
    workflow.tasks.insert(sum(t.seq == 0 for t in workflow.tasks), task)
    decide(world, workflow)


def put_variables(world: World, workflow: Workflow, values: Object) -> None:
    """S-64.3."""
    if workflow.terminal:
        raise Refusal(409, "the workflow has ended")
    workflow.variables = {**workflow.variables, **values}
    decide(world, workflow)


# ---- retry


def retry_workflow(world: World, workflow: Workflow, *, resume_children: bool) -> None:
    """S-61."""
    if not workflow.terminal:
        raise Refusal(409, "the workflow has not ended")
    target: Workflow | None = workflow
    if resume_children:
        target = _deepest(world, workflow)
        if target is None:
            return
    assert target is not None
    _retry(world, target)
    revive_parents(world, target)


def _deepest(world: World, workflow: Workflow) -> Workflow | None:
    """The workflow at the bottom of the chain of failed children (S-61.8); None when nothing failed."""
    failed = [t for t in workflow.tasks if t.unsuccessful and not t.retried and workflow.current(t.ref) is t]
    if not failed:
        return None
    first = failed[0]
    if first.type == "DO_WHILE":
        first = next((t for t in failed if t.type == "SUB_WORKFLOW"), first)
    child = world.workflows.get(first.child or "") if first.type == "SUB_WORKFLOW" else None
    if child is None:
        if any(t.type == "SUB_WORKFLOW" and t.child for t in failed):
            world.doubt("S-61.8: a failed child stands behind another unsuccessful task")
        return workflow
    # A child that went wrong without an unsuccessful task has nothing to retry: its parent begins it anew.
    return _deepest(world, child) or workflow


def _retry(world: World, workflow: Workflow) -> None:
    candidates: dict[str, Task] = {}
    for task in workflow.tasks:
        candidates.pop(task.ref, None)
        if task.unsuccessful:
            candidates[task.ref] = task
    if not workflow.tasks or (not candidates and workflow.status != TIMED_OUT):
        raise Refusal(409, "there is nothing to retry")
    run_again(world, workflow)
    patient = [t for t in candidates.values() if _waits_on_permissive(workflow, t)]
    fresh: list[Task] = []
    for task in sorted(candidates.values(), key=lambda t: t.seq):
        if (task.type in {"JOIN", "DO_WHILE"} and task.status == CANCELED) or any(t is task for t in patient):
            back_in_progress(task)
        elif task.type in {"JOIN", "DO_WHILE"}:
            back_in_progress(task)
            task.retry_count += 1
            task.start = world.now
        else:
            fresh.extend(_new_attempt(world, workflow, task=task))
            task.retried = task.executed = True
    schedule(world, workflow, candidates=fresh)
    close_ready_joins(world, workflow)
    decide(world, workflow)


def _waits_on_permissive(workflow: Workflow, join: Task) -> bool:
    """S-61.3: a join that failed because a permissive task did."""
    if join.type != "JOIN" or join.status != FAILED:
        return False
    suffix = f"__{join.iteration}" if join.iteration > 0 else ""
    joined = [workflow.current(n + suffix) for n in join.inputs.get("joinOn") or []]
    return any(t is not None and t.status == FAILED and t.step.permissive for t in joined)


def close_ready_joins(world: World, workflow: Workflow) -> None:
    """A JOIN that an operator reopened, and that waits for nothing, is over before all else (S-25.9 Do)."""
    open_joins = [t for t in workflow.tasks if t.type == "JOIN" and not t.terminal]
    for join in [t for t in open_joins if hooks.join_is_ready(workflow, t)]:
        hooks.execute(world, workflow, task=join)


def back_in_progress(task: Task) -> None:
    """Lets a task that only waits for others wait again (S-61.3)."""
    task.status, task.executed, task.reason, task.end = IN_PROGRESS, False, None, 0


def _new_attempt(world: World, workflow: Workflow, *, task: Task) -> list[Task]:
    """S-61.5; a branching task is mapped again (S-27.6, S-24.14)."""
    if task.type not in {"SWITCH", "DECISION", "FORK"}:
        return [retry.attempt(world, workflow, task=task, delay=0)]
    mapped = Mapper(world, workflow).map(task.step, retry_count=task.retry_count + 1)
    mapped[0].retried_id = task.id
    if task.iteration > 0:
        for instance in mapped:
            instance.ref, instance.iteration = f"{instance.ref}__{task.iteration}", task.iteration
    return [mapped[0], *(t for t in mapped[1:] if workflow.current(t.ref) is None)]


def run_again(world: World, workflow: Workflow) -> None:
    """The workflow runs once more (S-61.7)."""
    workflow.status, workflow.reason, workflow.failed_task_id = RUNNING, None, None
    workflow.last_retried, workflow.ended = world.now, 0


# ---- parents


def revive_parents(world: World, child: Workflow) -> None:
    """Brings the ancestors of a revived child back to life (S-61.9), afterwards (S-63.9)."""
    world.begin_due(child)
    parent = world.workflows.get(child.parent_id or "")
    task = parent.task(child.parent_task_id or "") if parent is not None else None
    if parent is None or task is None or task.step.optional or task.retried:
        return
    if parent.current(task.ref) is not task or task.child != child.id:
        return
    if parent.status == PAUSED:
        world.doubt("S-61.9: the parent of a revived child is paused")
    back_in_progress(task)
    task.subworkflow_changed = True
    run_again(world, parent)
    others = [t for t in parent.tasks if t is not task and not t.retried and parent.current(t.ref) is t]
    siblings = [w for t in others if (w := _failed_child(world, t)) is not None]
    for other in others:
        _revive_sibling(world, parent, task=other)
    close_ready_joins(world, parent)
    decide(world, parent)
    # S-63.9: one transaction per workflow. A parent that fails again at once leaves its other children alone.
    for sibling in [] if parent.terminal else siblings:
        with contextlib.suppress(Refusal):
            _retry(world, sibling)
    revive_parents(world, parent)


def _failed_child(world: World, task: Task) -> Workflow | None:
    """The child of an unsuccessful SUB_WORKFLOW task, if it has ended too."""
    child = world.workflows.get(task.child or "") if task.type == "SUB_WORKFLOW" else None
    return child if child is not None and task.unsuccessful and child.terminal else None


def _revive_sibling(world: World, parent: Workflow, *, task: Task) -> None:
    if task.type == "SUB_WORKFLOW" and task.unsuccessful and task.child in world.workflows:
        back_in_progress(task)
        task.subworkflow_changed = True
    elif task.status == CANCELED and task.type in {"JOIN", "DO_WHILE"}:
        back_in_progress(task)
    elif task.status == CANCELED:
        back_in_progress(task)
        task.status, task.retry_count = SCHEDULED, task.retry_count + 1
        task.scheduled = task.update = world.now
        task.start, task.callback, task.start_delay = 0, 0, 0
        if task.type == "WAIT":
            start_wait(task, world.now)
            task.start = world.now
        else:
            launch(world, parent, task=task)


# ---- restart


def restart(world: World, workflow: Workflow, *, latest: bool) -> None:
    """S-62."""
    if not workflow.terminal:
        raise Refusal(409, "the workflow has not ended")
    if workflow.status == COMPLETED and not workflow.definition.restartable:
        raise Refusal(409, "the workflow is not restartable")
    if latest:
        workflow.definition = world.resolved(workflow.definition.name, version=None)
    workflow.held = False
    workflow.status, workflow.created, workflow.ended, workflow.last_retried = RUNNING, world.now, 0, 0
    workflow.tasks, workflow.output = [], {}
    workflow.reason = workflow.failed_task_id = None
    workflow.variables = dict(workflow.definition.variables)
    decide(world, workflow)
    revive_parents(world, workflow)
