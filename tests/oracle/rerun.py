"""Rerun: what is forgotten, what is reset, and how it goes on (S-63)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from tests.oracle import definitions, loops, operations
from tests.oracle.decide import decide, launch, schedule
from tests.oracle.mapping import Mapper
from tests.oracle.model import (
    FATAL,
    IN_PROGRESS,
    SCHEDULED,
    SKIPPED,
    SYNC_TYPES,
    Json,
    Object,
    Refusal,
    Step,
    Task,
    Workflow,
)
from tests.oracle.waiting import start_wait

if TYPE_CHECKING:
    from tests.oracle.world import World

_BRANCHING = frozenset({"FORK", "SWITCH", "DECISION"})
_PATIENT = frozenset({"JOIN", "DO_WHILE"})


def rerun(world: World, workflow: Workflow, request: Object) -> None:
    """S-63.1: the whole workflow, one of its tasks, or a task of a workflow below it."""
    if not workflow.terminal:
        raise Refusal(409, "the workflow has not ended")
    task_id = request.get("reRunFromTaskId")
    target = None
    if task_id:
        owner, target = _search(world, workflow, task_id)
        if owner is not workflow:
            _below(world, workflow, owner=owner, target=target, request=request)
            return
    _take_input(workflow, request)
    if target is None:
        _from_start(world, workflow)
    else:
        from_task(world, workflow, target=target, given=request.get("taskInput"))
    operations.revive_parents(world, workflow)


def _search(world: World, workflow: Workflow, task_id: str) -> tuple[Workflow, Task]:
    """The workflow that has the task: this one, or one below it."""
    pending = [workflow]
    while pending:
        found = pending.pop()
        task = found.task(task_id)
        if task is not None and task.status != SKIPPED:
            return found, task
        children = (world.workflows.get(t.child or "") for t in found.tasks if t.type == "SUB_WORKFLOW")
        pending.extend(c for c in children if c is not None)
    raise Refusal(400, "there is no such task")


def _below(world: World, workflow: Workflow, *, owner: Workflow, target: Task, request: Object) -> None:
    """S-63.6."""
    if not owner.terminal:
        raise Refusal(409, "the child has not ended")
    from_task(world, owner, target=target, given=request.get("taskInput"))
    _take_input(workflow, request)
    operations.revive_parents(world, owner)


def _take_input(workflow: Workflow, request: Object) -> None:
    if request.get("workflowInput") is not None:
        workflow.input = request["workflowInput"]
    if request.get("correlationId") is not None:
        workflow.correlation_id = request["correlationId"]


def _from_start(world: World, workflow: Workflow) -> None:
    """S-63.2."""
    operations.run_again(world, workflow)
    workflow.held = False  # S-53.5: what is held is a start
    workflow.tasks, workflow.output = [], {}
    workflow.variables = dict(workflow.definition.variables)
    decide(world, workflow)


def from_task(world: World, workflow: Workflow, *, target: Task, given: Object | None) -> None:
    """S-63.3 to S-63.5, S-63.7, S-63.8."""
    is_child = target.type == "SUB_WORKFLOW"
    if target.type in {"SUB_WORKFLOW", "JOIN"}:  # their input says what they are to do
        given = None
    if is_child and _lies_in_an_earlier_iteration(workflow, target):
        world.doubt("S-63.4: a child of an iteration that is over is started afresh")
    gone = _later_attempts(workflow, target)
    if not is_child:
        gone += _downstream(workflow, target)
        _set_loop_back(workflow, target)
    joins = [] if is_child else _join_of_a_dynamic_child(workflow, target)
    workflow.tasks = [t for t in workflow.tasks if not any(t is g for g in gone)]
    operations.run_again(world, workflow)
    again = _reset_with(world, workflow, [target, *joins])
    failed = [t for t in again if (t.status == FATAL and t.start == 0) or t.type == "DYNAMIC"]
    for task in again:
        _blank(task, world.now)
    if given is not None:
        target.inputs = given
    to_map = [t for t in again if _is_mapped_again(t, failed, given=target if given is not None else None)]
    for task in again:
        if not any(task is m for m in to_map):
            _begin(world, workflow, task=task)
    mapper = Mapper(world, workflow)
    fresh: list[Task] = []
    for task in to_map:
        own = given if task is target else None
        fresh += _map_again(world, workflow, task=task, given=own, mapper=mapper)
    schedule(world, workflow, candidates=fresh)
    _queue_in_list_order(workflow, again)
    operations.close_ready_joins(world, workflow)
    decide(world, workflow)


def _queue_in_list_order(workflow: Workflow, again: list[Task]) -> None:
    """What is queued at one instant stands in line as it does in the list, however it came there."""
    queued = [t for t in workflow.tasks if t.due is not None and any(t.ref == a.ref for a in again)]
    for task, place in zip(queued, sorted(t.push for t in queued), strict=True):
        task.push = place


def _reset_with(world: World, workflow: Workflow, targets: list[Task]) -> list[Task]:
    """The targets and what else went wrong, in list order; what only waits for others goes on as it was."""
    again = list(targets)
    for task in workflow.tasks:
        if not task.unsuccessful or task.retried or any(task is t for t in targets):
            continue
        if _lies_in_an_earlier_iteration(workflow, task):
            world.doubt("S-63.3: an unsuccessful task of an iteration that is over is reset")
        if task.type in _PATIENT:
            operations.back_in_progress(task)
        else:
            again.append(task)
    return [t for t in workflow.tasks if any(t is a for a in again)]


# ---- what is forgotten


def _later_attempts(workflow: Workflow, target: Task) -> list[Task]:
    return [t for t in workflow.tasks if t.ref == target.ref and t.seq > target.seq]


def _downstream(workflow: Workflow, target: Task) -> list[Task]:
    """What follows a task in the definition: by name, and in loops by iteration."""
    step = _standing_for(workflow, target)
    if step is None:
        return []
    place = definitions.locate(workflow.definition, step.ref)
    assert place is not None
    names: set[str] = set()
    if target.step.ref == step.ref:
        names.update(*map(_named, definitions.lists_of(step)))
        if step.type == "FORK_JOIN_DYNAMIC":
            names.add(_children_of(step.ref))
    around: definitions.Place | None = place
    outside: set[str] = set()
    is_end = target.type == "TERMINATE"
    while around is not None:
        after = around.siblings[around.index + 1 :]
        if target.step.ref != step.ref and around is place:
            after = after[1:]  # a child of a dynamic fork: its JOIN stays and waits again
        if not is_end:
            (outside if _left_the_loop(place, around) else names).update(_named(after))
        # Nothing follows a TERMINATE (S-6.2), but a loop around it is followed by what follows the loop.
        is_end = is_end or any(s.type == "TERMINATE" and not _is_skipped(workflow, s) for s in after)
        # The branches of a fork are lists of their own; what follows the fork follows each of them.
        around = around.parent
        is_end = is_end and not (around is not None and around.step.type == "DO_WHILE")
    return [t for t in workflow.tasks if t is not target and _is_gone(workflow, t, target, names, outside)]


def _is_skipped(workflow: Workflow, step: Step) -> bool:
    found = workflow.current(step.ref)
    return found is not None and found.status == SKIPPED


def _named(steps: tuple[Step, ...]) -> set[str]:
    found = set()
    for step in definitions.every_step(steps):
        found.add(step.ref)
        if step.type == "FORK_JOIN_DYNAMIC":
            found.add(_children_of(step.ref))
    return found


def _children_of(fork: str) -> str:
    return f"children of {fork}"


def _left_the_loop(inner: definitions.Place, around: definitions.Place) -> bool:
    """Whether `around` lies outside a loop that `inner` is in."""
    place = inner
    while place is not around:
        assert place.parent is not None
        place = place.parent
        if place.step.type == "DO_WHILE":
            return True
    return False


def _is_gone(workflow: Workflow, task: Task, target: Task, names: set[str], outside: set[str]) -> bool:
    if task.status == SKIPPED:
        return False
    loop = _loop_around(workflow, target)
    step = _standing_for(workflow, task)
    name = task.base if step is None or step.ref == task.step.ref else _children_of(step.ref)
    if loop is not None and _loop_around(workflow, task) is loop:
        return task.iteration > target.iteration or (task.iteration == target.iteration and name in names)
    return name in (names | outside)


def _loop_around(workflow: Workflow, task: Task) -> Step | None:
    step = _standing_for(workflow, task)
    place = definitions.locate(workflow.definition, step.ref) if step is not None else None
    while place is not None:
        place = place.parent
        if place is not None and place.step.type == "DO_WHILE":
            return place.step
    return None


def _standing_for(workflow: Workflow, task: Task) -> Step | None:
    """The step that a task stands at in the tree: a child made from data stands where its fork does."""
    place = definitions.locate(workflow.definition, task.step.ref)
    if place is not None:
        return place.step
    fork = _fork_of(workflow, task)
    return None if fork is None else fork.step


def _fork_of(workflow: Workflow, task: Task) -> Task | None:
    forks = [
        t
        for t in workflow.tasks
        if t.type == "FORK"
        and t.iteration == task.iteration
        and task.step.ref in (t.inputs.get("forkedTasks") or [])
    ]
    return forks[-1] if forks else None


def _join_of_a_dynamic_child(workflow: Workflow, target: Task) -> list[Task]:
    if definitions.locate(workflow.definition, target.step.ref) is not None:
        return []
    names = [t for t in workflow.tasks if t.type == "JOIN" and t.iteration == target.iteration]
    return [t for t in names if target.step.ref in (t.inputs.get("joinOn") or [])]


# ---- loops


def _lies_in_an_earlier_iteration(workflow: Workflow, task: Task) -> bool:
    step = _loop_around(workflow, task)
    loop = workflow.current(step.ref) if step is not None else None
    return loop is not None and task.iteration < loop.iteration


def _set_loop_back(workflow: Workflow, target: Task) -> None:
    """S-63.8."""
    step = _loop_around(workflow, target)
    loop = workflow.current(step.ref) if step is not None else None
    if loop is not None:
        operations.back_in_progress(loop)
        loops.set_back(loop, target.iteration)


# ---- what is reset


def _blank(task: Task, now: int) -> None:
    """S-63.3: as it was when it was made; id, attempt and input stay."""
    task.status, task.output, task.reason = SCHEDULED, {}, None
    task.executed = task.retried = task.has_children = False
    task.scheduled = task.first_scheduled = task.update = now
    task.start = task.end = task.wait_until = task.poll_count = 0
    task.callback = task.start_delay = 0
    task.worker, task.items, task.due = None, None, None
    if task.type == "DO_WHILE":
        task.iteration = 0


def _is_mapped_again(task: Task, failed: list[Task], *, given: Task | None) -> bool:
    """What branches, and what failed as it was mapped so that it has no input, unless it was given one."""
    return task.type in _BRANCHING or (
        any(task is f for f in failed) and (task is not given or task.type == "DYNAMIC")
    )


def _begin(world: World, workflow: Workflow, *, task: Task) -> None:
    """Starts a blank task again."""
    if task.type == "WAIT":
        start_wait(task, world.now)
        task.start = world.now
    elif task.type in SYNC_TYPES:
        task.status, task.start = IN_PROGRESS, world.now
    else:
        launch(world, workflow, task=task)


def _as_it_is(value: Json) -> Json:
    """A value as an input parameter that resolves to it."""
    if isinstance(value, dict):
        return {k: _as_it_is(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_as_it_is(v) for v in value]
    return value.replace("${", "$${") if isinstance(value, str) else value


def _map_again(world: World, workflow: Workflow, *, task: Task, given: Json, mapper: Mapper) -> list[Task]:
    """Maps a step once more; the new instances that this leads to.

    A dynamic fork is removed and mapped anew (S-63.5); what else branches is mapped again in its place.
    """
    step = task.step if given is None else dataclasses.replace(task.step, inputs=_as_it_is(given))
    mapped = mapper.map(step, retry_count=task.retry_count)
    head = mapped[0]
    if task.type not in _BRANCHING:
        task.inputs = head.inputs
        if head.status == FATAL:
            task.status, task.reason, task.end = FATAL, head.reason, world.now
            return []
        if task.type == "DYNAMIC":  # it could not choose before
            task.type, task.def_name, task.step = head.type, head.def_name, head.step
        _begin(world, workflow, task=task)
        return []
    if task.iteration > 0:
        for instance in mapped:
            instance.ref, instance.iteration = f"{instance.ref}__{task.iteration}", task.iteration
    head.step, head.retried_id = task.step, task.retried_id
    workflow.tasks = [t for t in workflow.tasks if t is not task]
    rest = [t for t in mapped[1:] if workflow.current(t.ref) is None]
    if task.step.type == "FORK_JOIN_DYNAMIC":
        return [head, *rest]
    head.id, head.seq, head.first_scheduled, head.update = task.id, task.seq, world.now, world.now
    workflow.tasks.append(head)
    workflow.tasks.sort(key=lambda t: t.seq)
    return rest
