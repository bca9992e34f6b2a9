"""One execution as lines of text in which only what has to be the same on two servers is left."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any

from tests.oracle.compare import compact, mask_task
from tests.oracle.model import TASK_TERMINAL, WORKFLOW_TERMINAL

Object = dict[str, Any]
Mask = Callable[[Any], Any]
"""Replaces ids and texts whose wording is free."""

_CUT_SHORT = frozenset({"FAILED", "CANCELED"})
_STORED_INPUT = frozenset(
    {
        "subWorkflowName",
        "subWorkflowVersion",
        "subWorkflowTaskToDomain",
        "subWorkflowDefinition",
        "priority",
        "idempotencyKey",
        "idempotencyStrategy",
        "workflowInput",
    }
)
# What a failure workflow is given beside the input: a whole record with ids, times and wordings (S-7.10).
_FAILURE_INPUT = frozenset({"failedWorkflow", "reason"})


def lines_of(symbol: str, record: Object, mask: Mask) -> tuple[str, ...]:
    """Write an execution as the API gives it down: a head, its payloads, and a line per task by `seq`."""
    ended = record["status"] in WORKFLOW_TERMINAL
    given = {k: v for k, v in _input(record.get("input") or {}).items() if k not in _FAILURE_INPUT}
    said = "reason" if record.get("reasonForIncompletion") else "no reason"
    head = f"{symbol} {record['status']} {said}"
    payloads = f"  input={_text(mask, given)} variables={_text(mask, record.get('variables') or {})}"
    # Before the end an output is nobody's business (S-7.14).
    output = f"  output={_text(mask, _output(record, mask))}" if ended else "  output=-"
    return (head, payloads, output, *(_task(each, mask) for each in record["tasks"]))


def _input(given: Object) -> Object:
    """A child without input parameters gets the stored input of its task there, and nothing here (S-30.5)."""
    if "subWorkflowName" in given and given.get("workflowInput") == {}:
        return {k: v for k, v in given.items() if k not in _STORED_INPUT}
    return given


def _output(record: Object, mask: Mask) -> Any:
    output = record.get("output") or {}
    last = record["tasks"][-1] if record["tasks"] else {}
    if last.get("taskType") == "JOIN" and last["status"] in _CUT_SHORT:
        return "~"
    note = output.get("conductor.failure_workflow")
    if note is None or str(mask(note)).endswith("!"):
        return output
    # No failure workflow ran; why is told in free words.
    return {**output, "conductor.failure_workflow": "~"}


def _task(task: Object, mask: Mask) -> str:
    kind = task["taskType"]
    view: Object = {
        "status": task["status"],
        "iteration": task.get("iteration", 0),
        "child": task.get("subWorkflowId"),
        "input": dict(mask(task.get("inputData") or {})),
        "output": dict(mask(task.get("outputData") or {})),
    }
    mask_task(view, kind)
    status, attempt, says = task["status"], f"#{task.get('retryCount', 0)}", task["status"] in TASK_TERMINAL
    if kind == "JOIN":
        # Whether a join noticed a failure before the execution ended is a race there (S-25.9); it shows in
        # its status, its output, its reason, and in how often it is retried.
        attempt = ""
        says = status == "COMPLETED_WITH_ERRORS"
        if status in _CUT_SHORT:
            status, view["output"] = "cut short", "~"
    cells = [f"{task['referenceTaskName']}{attempt}@{view['iteration']}", kind, status]
    # Not `executed`: the original leaves it unset on what ended last before the execution did.
    if task.get("retried"):
        cells.append("retried")
    if task.get("domain"):
        cells.append(f"domain={task['domain']}")
    if view["child"]:
        cells.append(f"child={mask(view['child'])}")
    cells += [f"in={_text(None, view['input'])}", f"out={_text(None, view['output'])}"]
    # Reasons are free texts; that there is one is not. Theirs stays on the next attempt (S-54.5).
    if says:
        cells.append("reason" if task.get("reasonForIncompletion") else "no reason")
    return "  " + " ".join(cells)


def _text(mask: Mask | None, value: Any) -> str:
    return compact(value if mask is None else mask(value))


def difference(left: tuple[str, ...], right: tuple[str, ...]) -> tuple[str, ...]:
    """The lines that differ: `-` only on the left, `+` only on the right, in order; empty when alike."""
    found = difflib.ndiff(left, right)
    return tuple(line.rstrip("\n") for line in found if line.startswith(("- ", "+ ")))
