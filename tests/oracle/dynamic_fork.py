"""The children of a FORK_JOIN_DYNAMIC: which form, which names, which inputs (S-24)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from tests.oracle import definitions
from tests.oracle.model import SYSTEM_TYPES, Json, Object, Step, Workflow

if TYPE_CHECKING:
    from tests.oracle.world import World

# S-24.7: the keys of an element that are read as properties of the child task.
_TASK_KEYS = ("optional", "permissive", "retryCount", "startDelay")


class BadFork(Exception):
    """Data a dynamic fork cannot be made from."""


def children(world: World, workflow: Workflow, *, step: Step, inputs: Object) -> list[Step]:
    """The child steps in order (S-24.2)."""
    if isinstance(inputs.get("forkTaskInputs"), list):
        raw = _same_task(workflow, step, inputs=inputs)
    elif step.raw.get("dynamicForkTasksParam"):
        raw = _task_list(step, inputs)
    else:
        raw = _legacy_list(step, inputs)
    return [_with_definition(world, definitions.step(r)) for r in raw]


def _with_definition(world: World, child: Step) -> Step:
    if child.type == "SUB_WORKFLOW" or child.definition is not None:
        return child
    return dataclasses.replace(child, definition=world.task_defs.get(child.name))


def whole_number(value: Json) -> int | None:
    """A number or numeric text as an integer; None for anything else (S-24.6, S-30.2)."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str) and value.strip().isdigit():
        return int(value)
    return None


def _same_task(workflow: Workflow, step: Step, *, inputs: Object) -> list[Object]:
    kind = inputs.get("forkTaskType") or "SIMPLE"
    name = inputs.get("forkTaskName") or (kind if kind in SYSTEM_TYPES else step.ref)
    prefix = f"_{step.ref}_{name}" if _other_dynamic_fork(workflow, step) else f"_{name}"
    target = inputs.get("forkTaskWorkflow")
    found = []
    for index, element in enumerate(inputs["forkTaskInputs"]):
        own = dict(element) if isinstance(element, dict) else {"input": element}
        raw: Object = {"name": name, "type": kind}
        if target is not None:
            raw = {"name": target, "type": "SUB_WORKFLOW", "subWorkflowParam": _target(inputs, own)}
        if isinstance(element, dict):
            raw.update({k: element[k] for k in _TASK_KEYS if k in element})
        raw["taskReferenceName"] = f"{prefix}_{index}"
        raw["inputParameters"] = {**own, "__index": index}
        if step.optional:
            raw["optional"] = True
        found.append(raw)
    return found


def _target(inputs: Object, element: Object) -> Object:
    param: Object = {"name": inputs["forkTaskWorkflow"]}
    version = inputs.get("forkTaskWorkflowVersion")
    if version is not None:
        param["version"] = whole_number(version)
        if param["version"] is None:
            raise BadFork(f"forkTaskWorkflowVersion {version!r} is not a number")
    if element.get("taskToDomain") is not None:
        param["taskToDomain"] = element["taskToDomain"]
    return param


def _other_dynamic_fork(workflow: Workflow, step: Step) -> bool:
    """Whether another dynamic fork has run; earlier iterations of the same one do not count (S-24.5)."""
    return any(
        t.type == "FORK" and t.step.type == "FORK_JOIN_DYNAMIC" and t.base != step.ref for t in workflow.tasks
    )


def _task_list(step: Step, inputs: Object) -> list[Object]:
    tasks_key = step.raw["dynamicForkTasksParam"]
    inputs_key = step.raw.get("dynamicForkTasksInputParamName")
    tasks, given = inputs.get(tasks_key), inputs.get(inputs_key or "")
    if not isinstance(tasks, list) or not all(
        isinstance(t, dict) and t.get("taskReferenceName") for t in tasks
    ):
        raise BadFork(f"{tasks_key} is not a list of tasks")
    if not isinstance(given, dict):
        raise BadFork(f"{inputs_key} is not a map of inputs")
    found = []
    for task in tasks:
        own = given.get(task["taskReferenceName"])
        if own is not None and not isinstance(own, dict):
            raise BadFork(f"the input of {task['taskReferenceName']} is not a map")
        found.append({**task, "inputParameters": {**(task.get("inputParameters") or {}), **(own or {})}})
    return found


def _legacy_list(step: Step, inputs: Object) -> list[Object]:
    key = step.raw.get("dynamicForkJoinTasksParam") or ""
    given = inputs.get(key)
    tasks = given.get("dynamicTasks") if isinstance(given, dict) else None
    if not isinstance(tasks, list):
        raise BadFork(f"{key} has no dynamicTasks")
    return [
        {
            "name": t.get("taskName"),
            "taskReferenceName": t.get("referenceName"),
            "type": t.get("type") or "SIMPLE",
            "inputParameters": t.get("input") or {},
        }
        for t in tasks
    ]
