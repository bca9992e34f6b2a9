"""Decide: everything is looked at again, turn after turn, until nothing changes (S-4, S-5, S-6)."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.oracle import definitions, domains, ending, hooks, mailbox, retry
from tests.oracle.mapping import Mapper
from tests.oracle.model import (
    AI_TYPES,
    ASYNC_TYPES,
    FAILED,
    IN_PROGRESS,
    PAUSED,
    SCHEDULED,
    SKIPPED,
    SYNC_TYPES,
    Ending,
    Step,
    Task,
    Workflow,
)
from tests.oracle.waiting import start_wait

if TYPE_CHECKING:
    from tests.oracle.world import World


@dataclass(frozen=True)
class Outcome:
    """What a decider pass found (S-5)."""

    schedule: list[Task]
    complete: bool = False
    terminate: Task | None = None
    paused: bool = False


def decide(world: World, workflow: Workflow) -> None:
    """Brings a workflow up to date (S-4)."""
    _bring_up_to_date(world, workflow)
    world.keep_timer(workflow)


def _bring_up_to_date(world: World, workflow: Workflow) -> None:
    if workflow.held and not workflow.terminal:
        return
    if workflow.terminal:
        if workflow.status != "COMPLETED":
            ending.cancel_rest(world, workflow)
        return
    _consume_changed_children(workflow)
    while True:
        before = copy.deepcopy(workflow.tasks)
        try:
            outcome = _pass(world, workflow)
        except Ending as end:
            _roll_back(workflow, before, named=end.task)
            ending.terminate(world, workflow, status=end.status, reason=end.reason, task=end.task)
            return
        if outcome.paused:
            _joins_while_paused(world, workflow)
            return
        if outcome.complete:
            _unmark_unreplaced(workflow)
            ending.finish(world, workflow, terminate_task=outcome.terminate)
            return
        fresh = schedule(world, workflow, candidates=outcome.schedule)
        changed = _run_hooks(world, workflow, tasks=outcome.schedule)
        if not fresh and not changed:
            return


def _run_hooks(world: World, workflow: Workflow, *, tasks: list[Task]) -> bool:
    """Executes what waits to be executed (S-4.11); whether anything changed.

    A JOIN is not one of the synchronous types (S-25.1): what those do in this turn reaches it in the next.
    """
    waiting = [t for t in tasks if t.type in SYNC_TYPES | AI_TYPES and not t.terminal]
    unready = [t for t in waiting if t.type == "JOIN" and not hooks.join_is_ready(workflow, t)]
    changed = False
    for task in unready:
        changed |= hooks.grow_join(workflow, task)
    for task in waiting:
        if any(t is task for t in workflow.tasks) and not any(t is task for t in unready):
            changed |= hooks.execute(world, workflow, task=task)
    return changed


def _roll_back(workflow: Workflow, before: list[Task], *, named: Task | None) -> None:
    """Forgets what a pass changed, except on the task that ended it (S-4.15)."""
    workflow.tasks = [named if named is not None and t.id == named.id else t for t in before]


def _unmark_unreplaced(workflow: Workflow) -> None:
    """S-1.5: `retried` means that a newer instance is there; a pass that ends the workflow makes none."""
    replaced = {t.retried_id for t in workflow.tasks}
    for task in workflow.tasks:
        task.retried = task.retried and task.id in replaced


def _consume_changed_children(workflow: Workflow) -> None:
    """S-4.4: a child was revived, so the joins that had given up wait again."""
    for task in workflow.tasks:
        if task.type == "SUB_WORKFLOW" and task.subworkflow_changed and not task.retried:
            task.subworkflow_changed = False
            for join in workflow.tasks:
                if join.type == "JOIN" and join.unsuccessful:
                    join.status, join.executed, join.reason, join.end = IN_PROGRESS, False, None, 0
            return


def _joins_while_paused(world: World, workflow: Workflow) -> None:
    """S-60.1: a JOIN, also one over joins, still completes in a paused workflow; what follows it waits."""
    joins = [t for t in workflow.tasks if t.type == "JOIN" and not t.terminal]
    while any(hooks.execute(world, workflow, task=t) for t in joins if not t.terminal):
        pass


# ---- the pass


def _pass(world: World, workflow: Workflow) -> Outcome:
    # S-5.2 and S-5.7 are not here: deadlines are timers (S-55.2 Do), which strike before a decide.
    if workflow.status == PAUSED:
        return Outcome([], paused=True)
    if not workflow.definition.steps:  # S-3.5
        workflow.reason = "the definition has no tasks"
        return Outcome([], complete=True)
    planned: dict[str, Task] = {}
    if all(t.status == SKIPPED for t in workflow.tasks):  # S-5.1, S-3.6
        mapper = Mapper(world, workflow)
        first = mapper.unskipped(workflow.definition.steps)
        _plan(world, workflow, planned, tasks=[] if first is None else mapper.instances(first))
    executed = {t.ref for t in workflow.tasks if t.executed}
    terminate = _successful_terminate(workflow)
    for task in [t for t in workflow.tasks if not t.retried and t.status != SKIPPED and not t.executed]:
        if task.system and not task.terminal:
            planned.setdefault(task.ref, task)
            executed.discard(task.ref)
        if task.unsuccessful:
            again = retry.settle_failure(world, workflow, task=task)
            if again is not None:
                planned[again.ref] = again
                executed.discard(again.ref)
        if task.terminal and not task.retried and not task.executed:
            task.executed = True
            _plan(world, workflow, planned, tasks=successors(world, workflow, task=task))
    wanted = [t for ref, t in planned.items() if ref not in executed]
    if terminate is None and (wanted or not _all_done(workflow)):
        return Outcome(wanted)
    if terminate is None:
        _check_permissive(workflow)
    return Outcome(wanted, complete=True, terminate=terminate)


def _plan(world: World, workflow: Workflow, planned: dict[str, Task], *, tasks: list[Task]) -> None:
    """Adds each to the plan if its name is free (S-5.9)."""
    for task in tasks:
        if task.ref in planned and definitions.locate(workflow.definition, task.base) is None:
            world.doubt("S-24.5: two dynamic forks that begin in one turn give their children the same name")
        planned.setdefault(task.ref, task)


def _successful_terminate(workflow: Workflow) -> Task | None:
    """The TERMINATE that ends the workflow: the last one in list order (S-5.4, S-5.11)."""
    found = [t for t in workflow.tasks if t.type == "TERMINATE" and t.terminal and not t.unsuccessful]
    return found[-1] if found else None


def following_step(workflow: Workflow, *, task: Task, ref: str) -> Step | None:
    """The step after a task's place, stepping over skipped ones (S-6.1 to S-6.8)."""
    if task.type in {"SWITCH", "DECISION"} and task.has_children:
        return None
    place = definitions.locate(workflow.definition, ref)
    is_skipped = task.status == SKIPPED
    while place is not None:
        step = definitions.successor(place, is_skipped=is_skipped)
        found = workflow.current(step.ref) if step else None
        if step is None or found is None or found.status != SKIPPED:
            return step
        place, is_skipped = definitions.locate(workflow.definition, step.ref), True
    return None


def successors(world: World, workflow: Workflow, *, task: Task) -> list[Task]:
    """The instances to create because a task has finished (S-6)."""
    step = following_step(workflow, task=task, ref=task.base if task.iteration > 0 else task.ref)
    if step is None or (step.type == "DO_WHILE" and workflow.current(step.ref) is not None):
        return []
    iteration = 0 if task.type == "DO_WHILE" else task.iteration
    return Mapper(world, workflow).instances(step, iteration=iteration)


def _all_done(workflow: Workflow) -> bool:
    """The completion test (S-7.1)."""
    for task in workflow.tasks:
        if task.type == "TERMINATE" and task.terminal and not task.unsuccessful:
            return True
        if not task.terminal:
            return False
    for step in workflow.definition.steps:
        top = workflow.current(step.ref)
        if top is None or not top.terminal:
            return False
    for task in workflow.tasks:
        if (task.retried and task.executed) or task.status == SKIPPED:
            continue
        after = following_step(workflow, task=task, ref=task.ref)
        if after is not None and workflow.current(after.ref) is None:
            return False
    return bool(workflow.tasks)


def _check_permissive(workflow: Workflow) -> None:
    """Fails a finished workflow in which a permissive task failed (S-5.12)."""
    latest: dict[str, Task] = {}
    for task in workflow.tasks:
        if task.step.permissive and not task.step.optional:
            held = latest.get(task.ref)
            if held is None or task.retry_count >= held.retry_count:
                latest[task.ref] = task
    failed = [t for t in latest.values() if t.unsuccessful]
    if failed:
        reasons = [f"Task {t.id} failed with status: {t.status} and reason: '{t.reason}'" for t in failed]
        raise Ending(FAILED, ". ".join(reasons))


# ---- scheduling


def schedule(world: World, workflow: Workflow, *, candidates: list[Task]) -> list[Task]:
    """Adds the candidates that are not there yet, and starts or queues them (S-4.7 to S-4.9, S-1.15)."""
    there = {(t.ref, t.retry_count) for t in workflow.tasks}
    waiting = {t.ref for t in workflow.tasks if not t.terminal}  # S-96.5: one of a name that has not ended
    fresh = []
    for task in candidates:
        if (task.ref, task.retry_count) not in there and task.ref not in waiting:
            there.add((task.ref, task.retry_count))
            fresh.append(task)
    for task in fresh:
        task.seq = 1 + max((t.seq for t in workflow.tasks), default=0)
        task.first_scheduled = task.first_scheduled or world.now
        task.update = world.now
        workflow.tasks.append(task)
    for task in fresh:
        launch(world, workflow, task=task)
    return fresh


def launch(world: World, workflow: Workflow, *, task: Task) -> None:
    """Starts a system task or puts a task in its queue."""
    if task.terminal:
        return
    if task.system and task.start == 0:
        task.start = world.now
    if task.type in ASYNC_TYPES:
        if task.status == SCHEDULED:
            task.due = world.now + task.callback * 1000
            if task.type == "WAIT" and task.due <= world.now:
                start_due_wait(world, task)
            elif task.type == "PULL_WORKFLOW_MESSAGES" and task.due <= world.now:
                mailbox.begin(world, workflow, task=task)
    elif task.type in SYNC_TYPES | AI_TYPES:
        if task.status == SCHEDULED:
            task.status = IN_PROGRESS
    else:
        task.domain = domains.choose(world, workflow, task=task)
        world.push(task, at=world.now + task.callback * 1000)


def start_due_wait(world: World, task: Task) -> None:
    """Starts a WAIT that was scheduled by a retry (S-32.9)."""
    start_wait(task, world.now)
    task.due = None
