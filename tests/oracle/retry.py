"""Automatic retry, and what a failure without one does (S-54, S-7.6)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from tests.oracle.mapping import Mapper, MappingError
from tests.oracle.model import (
    BUILT_IN,
    CANCELED,
    COMPLETED_WITH_ERRORS,
    FAILED,
    FATAL,
    SCHEDULED,
    TERMINATED,
    TIMED_OUT,
    Ending,
    Task,
    TaskDef,
    Workflow,
)

if TYPE_CHECKING:
    from tests.oracle.world import World

_INT_MAX = 2**31 - 1


def settle_failure(world: World, workflow: Workflow, *, task: Task) -> Task | None:
    """The next attempt of an unsuccessful task; None when the flow goes on; else an Ending (S-5.8)."""
    if may_retry(world, task):
        task.retried = True
        return attempt(world, workflow, task=task, delay=delay(_definition(world, task), task.retry_count))
    end_unless_excused(task)
    if task.step.optional:
        task.status = COMPLETED_WITH_ERRORS
    return None


def end_unless_excused(task: Task) -> None:
    """The Ending of an unsuccessful task that is not tried again, unless it may fail (S-5.8, S-7.6)."""
    if task.step.optional or task.step.permissive:
        return
    status = {CANCELED: TERMINATED, TIMED_OUT: TIMED_OUT}.get(task.status, FAILED)
    raise Ending(status, f"Task {task.id} failed with status: {status} and reason: '{task.reason}'", task)


def may_retry(world: World, task: Task) -> bool:
    """Whether a failed instance is tried again (S-54.2, S-54.3, S-54.7)."""
    if task.status not in {FAILED, TIMED_OUT} or task.type in BUILT_IN:
        return False
    definition = _definition(world, task)
    allowed = task.step.retry_count
    if allowed is None:
        allowed = definition.retry_count if definition else 0
    if task.retry_count >= allowed:
        return False
    budget = definition.total_timeout if definition else 0
    return budget == 0 or (world.now - task.first_scheduled) // 1000 < budget


def _definition(world: World, task: Task) -> TaskDef | None:
    return task.step.definition or world.task_defs.get(task.def_name)


def delay(definition: TaskDef | None, failures: int) -> int:
    """Seconds before the next attempt (S-54.4)."""
    if definition is None:
        return 0
    seconds = definition.retry_delay
    if definition.retry_logic == "LINEAR_BACKOFF":
        seconds *= definition.backoff_scale * (failures + 1)
    elif definition.retry_logic == "EXPONENTIAL_BACKOFF":
        seconds *= 2**failures
    seconds = min(seconds, _INT_MAX)
    return min(seconds, definition.max_retry_delay) if definition.max_retry_delay > 0 else seconds


def attempt(world: World, workflow: Workflow, *, task: Task, delay: int) -> Task:
    """A further attempt of a task (S-54.5, S-54.12)."""
    fresh = dataclasses.replace(
        task,
        id=world.new_id(),
        retried_id=task.id,
        retry_count=task.retry_count + 1,
        status=SCHEDULED,
        executed=False,
        retried=False,
        subworkflow_changed=False,
        seq=0,
        scheduled=world.now,
        start=0,
        end=0,
        update=0,
        poll_count=0,
        worker=None,
        child=None,
        output={},
        start_delay=delay,
        callback=delay,
        reason=None,
        wait_until=0,
        due=None,
    )
    mapper = Mapper(world, workflow)
    try:
        if task.type == "DYNAMIC":  # nothing was chosen yet
            chosen = mapper.map(task.step)[0]
            fresh.inputs = {**task.inputs, **chosen.inputs}
            if chosen.terminal:
                raise MappingError(chosen.reason)
            fresh.type, fresh.def_name, fresh.step = chosen.type, chosen.def_name, chosen.step
        elif task.step.type == "SUB_WORKFLOW":
            fresh.inputs = mapper.sub_workflow_inputs(task.step)
        else:
            fresh.inputs = mapper.refreshed_inputs(fresh)
    except MappingError as error:
        fresh.status, fresh.reason, fresh.end = FATAL, str(error), world.now
    return fresh
