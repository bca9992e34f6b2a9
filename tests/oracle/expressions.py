"""`${...}` references: finding them, resolving them inner first, whole or interpolated (S-8.1 to S-8.18)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.oracle import jsonpath

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.oracle.model import Json, Object, Workflow


def references(value: Json) -> Iterator[str]:
    """The text between the braces of every reference in a value, outermost only."""
    if isinstance(value, dict):
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, str):
        for part in split(value):
            if isinstance(part, tuple):
                yield part[0]


def split(text: str) -> list[str | tuple[str]]:
    """The text cut into plain pieces and one-tuples holding the inside of a reference (S-8.3 to S-8.5)."""
    parts: list[str | tuple[str]] = []
    plain, position = "", 0
    while position < len(text):
        opens = text.startswith("${", position) and (position == 0 or text[position - 1] != "$")
        end = _closing(text, position + 2) if opens else None
        if end is None:
            plain += text[position]
            position += 1
            continue
        if plain:
            parts.append(plain)
        parts.append((text[position + 2 : end],))
        plain, position = "", end + 1
    if plain:
        parts.append(plain)
    return parts


def _closing(text: str, position: int) -> int | None:
    depth = 1
    for index in range(position, len(text)):
        if text[index] == "{":
            depth += 1
        elif text[index] == "}":
            depth -= 1
            if depth == 0:
                return index
    return None


def resolve(value: Json, context: Object, *, task_id: str | None = None) -> Json:
    """A value with its references replaced (S-8.2)."""
    if isinstance(value, dict):
        return {k: resolve(v, context, task_id=task_id) for k, v in value.items()}
    if isinstance(value, list):
        return [resolve(v, context, task_id=task_id) for v in value]
    if isinstance(value, str):
        return _resolve_text(value, context, task_id=task_id)
    return value


def _resolve_text(value: str, context: Object, *, task_id: str | None) -> Json:
    parts = split(value)
    if len(parts) == 1 and isinstance(parts[0], tuple):
        return _look_up(parts[0][0], context, task_id=task_id)
    return _interpolate(value, context, task_id=task_id).replace("$${", "${")


def _interpolate(value: str, context: Object, *, task_id: str | None) -> str:
    out = ""
    for part in split(value):
        out += part if isinstance(part, str) else text(_look_up(part[0], context, task_id=task_id))
    return out


def _look_up(inside: str, context: Object, *, task_id: str | None) -> Json:
    path = _interpolate(inside, context, task_id=task_id)
    if not path.strip():
        return ""
    if path.startswith("workflow.secrets."):
        return "${" + path + "}"
    if path == "CPEWF_TASK_ID":
        return "${" + path + "}" if task_id is None else task_id
    return jsonpath.read(context, path)


def text(value: Json) -> str:
    """The text form of a value inside a longer string (S-8.10)."""
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def context_of(workflow: Workflow) -> Object:
    """What references can see (S-8.11, S-8.12)."""
    context: Object = {
        "workflow": {
            "input": workflow.input,
            "output": workflow.output if workflow.terminal else {},
            "status": workflow.status,
            "workflowId": workflow.id,
            "parentWorkflowId": workflow.parent_id,
            "parentWorkflowTaskId": workflow.parent_task_id,
            "workflowType": workflow.definition.name,
            "version": workflow.definition.version,
            "correlationId": workflow.correlation_id,
            "reasonForIncompletion": workflow.reason,
            "schemaVersion": 2,
            "variables": workflow.variables,
        }
    }
    for task in workflow.tasks:
        context[task.base if task.iteration > 0 else task.ref] = {
            "input": task.inputs,
            "output": task.output,
            "taskType": task.type,
            "status": task.status,
            "referenceTaskName": task.ref,
            "retryCount": task.retry_count,
            "correlationId": workflow.correlation_id,
            "pollCount": task.poll_count,
            "taskDefName": task.def_name,
            "scheduledTime": task.scheduled,
            "startTime": task.start,
            "endTime": task.end,
            "workflowInstanceId": workflow.id,
            "taskId": task.id,
            "reasonForIncompletion": task.reason,
            "callbackAfterSeconds": task.callback,
            "workerId": task.worker,
            "iteration": task.iteration,
        }
    return context


def with_template(inputs: Object, template: Object) -> Object:
    """Inputs with the template's values where a key is absent or null (S-3.3, S-8.17)."""
    merged = dict(inputs)
    for key, value in template.items():
        if merged.get(key) is None:
            merged[key] = value
    return merged


def task_inputs(inputs: Object, template: Object, *, context: Object, task_id: str | None) -> Object:
    """The resolved inputs of a task whose definition has an input template (S-8.17)."""
    resolved: Object = resolve(with_template(inputs, template), context, task_id=task_id)
    for key, value in template.items():
        if resolved.get(key) is None:
            resolved[key] = resolve(value, context, task_id=task_id)
    return resolved
