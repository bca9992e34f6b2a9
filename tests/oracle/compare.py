"""Two backends, the same commands, one view of each state with ids as symbols; any difference is reported."""

from __future__ import annotations

import difflib
import json
import re
from typing import Any, Protocol

Object = dict[str, Any]
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# The output of a script that failed, as it stands inside a text it was put into (S-8.10).
_ERROR_TEXT = re.compile(r'\{"error":"(?:[^"\\]|\\.)*"\}')
_ENDED = frozenset({"COMPLETED", "FAILED", "TIMED_OUT", "TERMINATED"})
_DONE = frozenset({"COMPLETED", "COMPLETED_WITH_ERRORS"})
_BRANCHING = frozenset({"FORK", "SWITCH", "DECISION", "SUB_WORKFLOW"})


class Backend(Protocol):
    """What `fastcond._core.Model` and the oracle have in common."""

    def call(self, verb: str, params: dict[str, str], body: bytes) -> tuple[int, str, bytes]: ...

    def advance(self, ms: int) -> None: ...

    def check(self) -> None: ...


class Mismatch(AssertionError):
    """The two backends disagree."""


class Side:
    """One backend and the names of its ids."""

    def __init__(self, name: str, backend: Backend) -> None:
        self.name = name
        self.backend = backend
        self.workflow_ids: dict[str, str] = {}
        self.task_ids: dict[str, str] = {}
        self._symbols: dict[str, str] = {}

    def know_workflow(self, symbol: str, found: str) -> None:
        self.workflow_ids[symbol] = found
        self._symbols[found] = symbol

    def know_task(self, symbol: str, found: str) -> None:
        self.task_ids[symbol] = found
        self._symbols[found] = symbol

    def know_tasks(self, symbol: str, tasks: list[Object]) -> None:
        for task in tasks:
            name = f"{symbol}/{task['referenceTaskName']}#{task['retryCount']}"
            if self._symbols.get(task["taskId"], "").split("#")[0] != name.split("#", maxsplit=1)[0]:
                self._symbols[task["taskId"]] = name
            self.task_ids[name] = task["taskId"]

    def symbolic(self, value: Any) -> Any:
        """A value with every id replaced by its symbol."""
        if isinstance(value, dict):
            return {k: self._entry(k, v) for k, v in value.items()}
        if isinstance(value, list):
            return [self.symbolic(v) for v in value]
        if isinstance(value, str):
            named = UUID.sub(lambda m: self._symbols.get(m.group(), "<id>"), value)
            return _ERROR_TEXT.sub('{"error":"<message>"}', named)
        return value

    def _entry(self, key: str, value: Any) -> Any:
        """One map entry; texts whose wording is free are hidden."""
        if key == "error" and isinstance(value, str):
            return "<message>"
        if key == "conductor.failure_workflow" and value not in self._symbols:
            return "<none>"
        return self.symbolic(value)

    def call(self, verb: str, params: dict[str, str], body: Any = None) -> tuple[int, Any]:
        raw = b"" if body is None else json.dumps(body).encode()
        status, kind, answer = self.backend.call(verb, params, raw)
        if kind.startswith("application/json") and answer:
            return status, json.loads(answer)
        return status, answer.decode()


def workflow_view(side: Side, workflow: Object) -> Object:
    """What is compared of a workflow."""
    tasks = workflow["tasks"]
    ended = workflow["status"] in _ENDED
    given = {k: v for k, v in workflow["input"].items() if k not in {"failedWorkflow", "reason"}}
    return {
        "status": workflow["status"],
        "reason": bool(workflow.get("reasonForIncompletion")),
        "input": side.symbolic(given),
        "output": _output_view(side, workflow) if ended else "",
        "variables": side.symbolic(workflow["variables"]),
        "tasks": [_task_view(side, t) for t in tasks],
    }


def _output_view(side: Side, workflow: Object) -> Any:
    last = workflow["tasks"][-1] if workflow["tasks"] else {}
    given = any(t["taskType"] == "TERMINATE" and t["status"] == "COMPLETED" for t in workflow["tasks"])
    if not given and last.get("taskType") in {"JOIN", "DO_WHILE"} and last["status"] not in _DONE:
        return "<output of an unfinished join or loop>"
    return side.symbolic(workflow["output"])


def _task_view(side: Side, task: Object) -> Object:
    kind = task["taskType"]
    view = {
        "ref": task["referenceTaskName"],
        "type": kind,
        "status": task["status"],
        "retryCount": task["retryCount"],
        "iteration": task["iteration"],
        "retried": task["retried"],
        "executed": task["executed"],
        "domain": task.get("domain"),
        "child": side.symbolic(task.get("subWorkflowId")),
        "input": side.symbolic(task["inputData"]),
        "output": side.symbolic(task["outputData"]),
    }
    mask_task(view, kind)
    return view


def mask_task(view: Object, kind: str) -> None:
    """Hides what the contract leaves open on a task."""
    if kind in {"SWITCH", "DECISION"}:
        view["input"].pop("hasChildren", None)
    if kind == "FORK":
        view["input"].pop("forkedTaskDefs", None)
    if kind == "SUB_WORKFLOW":
        dropped = {k for k, v in view["input"].items() if v is None} | {"subWorkflowDefinition"}
        view["input"] = {k: v for k, v in view["input"].items() if k not in dropped}
    if (
        kind in _BRANCHING
        and view["status"] in {"FAILED", "FAILED_WITH_TERMINAL_ERROR"}
        and view["child"] is None
    ):
        view["input"] = "<not mapped>"
    if kind == "JOIN" and view["status"] not in {*_DONE, "FAILED"}:
        view["output"] = "<unfinished>"


def started_by(task: Object) -> str | None:
    """The execution that a SUB_WORKFLOW or START_WORKFLOW task started."""
    if task["taskType"] == "START_WORKFLOW":
        found: str | None = task["outputData"].get("workflowId")
    else:
        found = task.get("subWorkflowId")
    return found


def compact(value: Any) -> str:
    """Canonical JSON: keys sorted, so that 1 and 1.0 and true differ."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def readable(symbol: str, view: Object) -> list[str]:
    """A view as lines, one per task."""
    lines = [f"{symbol}: {view['status']} reason={view['reason']} variables={compact(view['variables'])}"]
    lines.append(f"  input={compact(view['input'])} output={compact(view['output'])}")
    for task in view["tasks"]:
        flags = "".join(k[0].upper() for k in ("retried", "executed") if task[k])
        name = f"{task['ref']}#{task['retryCount']}@{task['iteration']}"
        state = f"{task['type']} {task['status']} [{flags}]"
        extra = f" child={task['child']} domain={task['domain']}"
        lines.append(f"  {name} {state}{extra} in={compact(task['input'])} out={compact(task['output'])}")
    return lines


def require_same(what: str, *, left: list[str], right: list[str]) -> None:
    """Raises with a diff when two descriptions differ."""
    if left != right:
        diff = "\n".join(difflib.unified_diff(right, left, "oracle", "model", lineterm="", n=30))
        raise Mismatch(f"{what}\n{diff}")
