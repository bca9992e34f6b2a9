"""The command words of the transcripts, one function each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tests.conformance.event_words import EVENT_WORDS
from tests.conformance.session import Line, Session, task_name
from tests.oracle.compare import compact, mask_task

if TYPE_CHECKING:
    from collections.abc import Callable

Object = dict[str, Any]
_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


# ---- definitions


def _workflow(session: Session, line: Line) -> list[str]:
    definition = line.json
    name, version = definition["name"], str(definition.get("version", 1))
    undo = ("workflowdefs.delete", {"name": name, "version": version})
    left_over = session.backend.eventual and undo not in session.defined
    overwrite = "true" if "overwrite" in line.args or left_over else "false"
    session.call("workflowdefs.create", {"overwrite": overwrite}, definition)
    session.defined.append(undo)
    _note_reasons(session, definition)
    return []


def _note_reasons(session: Session, value: Any) -> None:
    if isinstance(value, dict):
        if isinstance(value.get("terminationReason"), str):
            session.say(value["terminationReason"])
        for item in value.values():
            _note_reasons(session, item)
    elif isinstance(value, list):
        for item in value:
            _note_reasons(session, item)


def _task_def(session: Session, line: Line) -> list[str]:
    session.call("taskdefs.create", {}, [line.json])
    session.defined.append(("taskdefs.delete", {"tasktype": line.json["name"]}))
    return []


# ---- executions


def _start(session: Session, line: Line) -> list[str]:
    symbol, *named = line.args
    if named:
        request: Object = {"name": named[0], "input": session.with_ids(line.json or {})}
        for option, key in (("version", "version"), ("priority", "priority")):
            if option in line.options:
                request[key] = int(line.options[option])
        if "correlation" in line.options:
            request["correlationId"] = line.options["correlation"]
        if "domains" in line.options:
            request["taskToDomain"] = dict(p.split(":", 1) for p in line.options["domains"].split(";"))
    else:
        request = line.json
    session.workflows[symbol] = session.call("workflow.start", {}, request)
    return []


def _plain(verb: str) -> Callable[[Session, Line], list[str]]:
    def run(session: Session, line: Line) -> list[str]:
        session.call(verb, {"workflowId": session.workflow_id(line.args[0])})
        return []

    return run


def _rerun(session: Session, line: Line) -> list[str]:
    """`rerun w1 [task] [correlation=c] [{"workflowInput": ..., "taskInput": ...}]`."""
    symbol, *named = line.args
    body: Object = dict(line.json or {})
    if named:
        body["reRunFromTaskId"] = session.task(named[0])["taskId"] if "/" in named[0] else named[0]
    if "correlation" in line.options:
        body["correlationId"] = line.options["correlation"]
    session.call("workflow.rerun", {"workflowId": session.workflow_id(symbol)}, body)
    return []


def _skip(session: Session, line: Line) -> list[str]:
    """`skip w1 ref [{"taskInput": ..., "taskOutput": ...}]`."""
    symbol, ref = line.args
    params = {"workflowId": session.workflow_id(symbol), "taskReferenceName": ref}
    session.call("workflow.skip", params, line.json)
    return []


def _variables(session: Session, line: Line) -> list[str]:
    session.call("workflow.variables", {"workflowId": session.workflow_id(line.args[0])}, line.json)
    return []


def _flagged(verb: str, word: str, *, parameter: str, value: str) -> Callable[[Session, Line], list[str]]:
    def run(session: Session, line: Line) -> list[str]:
        params = {"workflowId": session.workflow_id(line.args[0])}
        if word in line.args:
            params[parameter] = value
        session.call(verb, params)
        return []

    return run


def _terminate(session: Session, line: Line) -> list[str]:
    params = {"workflowId": session.workflow_id(line.args[0])}
    if len(line.args) > 1:
        params["reason"] = line.args[1]
        session.say(line.args[1])
    if "compensate" in line.options:
        params["triggerFailureWorkflow"] = line.options["compensate"]
    session.call("workflow.terminate", params)
    return []


def _post(session: Session, line: Line) -> list[str]:
    session.call("workflow.post_message", {"workflowId": session.workflow_id(line.args[0])}, line.json)
    return []


# ---- workers


def _poll(session: Session, line: Line) -> list[str]:
    params = {"tasktype": line.args[0], "count": line.options.get("count", "1"), "timeout": "100"}
    if not session.backend.eventual:
        params["timeout"] = "0"
    params["workerid"] = line.options.get("worker", "w")
    if "domain" in line.options:
        params["domain"] = line.options["domain"]
    return _named(session, session.call("tasks.poll_batch", params))


def _named(session: Session, tasks: list[Object]) -> list[str]:
    if tasks:
        session.explore()
    names = [f"{session.symbol(t['workflowInstanceId']) or '<unknown>'}/{task_name(t)}" for t in tasks]
    return names or ["nothing"]


def _result(status: str) -> Callable[[Session, Line], list[str]]:
    def run(session: Session, line: Line) -> list[str]:
        body: Object = {"status": status, "outputData": line.json or {}}
        if len(line.args) > 1:
            body["reasonForIncompletion"] = line.args[1]
        if "callback" in line.options:
            body["callbackAfterSeconds"] = int(line.options["callback"])
        _send(session, "tasks.update", line.args[0], body=body)
        return []

    return run


def _send(session: Session, verb: str, symbol: str, *, body: Object) -> Any:
    task = session.task(symbol)
    session.say(body.get("reasonForIncompletion"))
    ids = {"taskId": task["taskId"], "workflowInstanceId": task["workflowInstanceId"], "workerId": "w"}
    return session.call(verb, {}, ids | body)


def _update(session: Session, line: Line) -> list[str]:
    _send(session, "tasks.update", line.args[0], body=line.json)
    return []


def _update_v2(session: Session, line: Line) -> list[str]:
    found = _send(session, "tasks.update_v2", line.args[0], body=line.json)
    return _named(session, [found] if found else [])


def _extend(session: Session, line: Line) -> list[str]:
    _send(session, "tasks.update", line.args[0], body={"status": "IN_PROGRESS", "extendLease": True})
    return []


def _by_ref(verb: str) -> Callable[[Session, Line], list[str]]:
    def run(session: Session, line: Line) -> list[str]:
        symbol, ref, status = line.args
        params = {"workflowId": session.workflow_id(symbol), "taskRefName": ref, "status": status}
        answer = session.call(verb, params, line.json or {})
        return [] if answer else ["nobody waits"]

    return run


# ---- time and looking


def _advance(session: Session, line: Line) -> list[str]:
    found = re.fullmatch(r"(\d+)(ms|s|m|h|d)", line.args[0])
    if found is None:
        raise ValueError(f"{line.args[0]} is not a length of time")
    session.backend.advance(int(found.group(1)) * _UNITS[found.group(2)])
    return []


def _status(session: Session, line: Line) -> list[str]:
    found = session.call("workflow.status", {"workflowId": session.workflow_id(line.args[0])})
    return [f"{line.args[0]} {found['status']}"]


def _queue(session: Session, line: Line) -> list[str]:
    params = {"taskType": line.args[0]} | (
        {"domain": line.options["domain"]} if "domain" in line.options else {}
    )
    return [str(session.call("queue.size", params))]


def _show(session: Session, line: Line) -> list[str]:
    symbol, *details = line.args
    workflow = session.fetch(symbol)
    head = f"{symbol} {workflow['status']}"
    if workflow.get("reasonForIncompletion"):
        head += f" reason={session.reason(workflow['reasonForIncompletion'])}"
    lines = [head]
    if "input" in details:
        given = {k: v for k, v in workflow["input"].items() if k not in {"failedWorkflow", "reason"}}
        lines.append(f"  input {compact(session.masked(given))}")
    if "event" in details:
        lines.append(f"  event {workflow.get('event')} correlation={workflow.get('correlationId')}")
    if workflow["variables"]:
        lines.append(f"  variables {compact(session.masked(workflow['variables']))}")
    ended = workflow["status"] not in {"RUNNING", "PAUSED"}
    if ended and workflow["output"]:
        lines.append(f"  output {compact(_tidy_output(session, workflow['output']))}")
    rows = [_row(session, t, details=details) for t in workflow["tasks"]]
    widths = [max((len(r[i]) for r in rows), default=0) for i in range(3)]
    lines.extend(
        ("  " + " ".join([*(c.ljust(w) for c, w in zip(r[:3], widths, strict=True)), *r[3:]])).rstrip()
        for r in rows
    )
    return lines


def _tidy_output(session: Session, output: Object) -> Object:
    tidy: Object = session.masked(output)
    note = tidy.get("conductor.failure_workflow")
    if note is not None and not str(note).endswith("!"):
        tidy["conductor.failure_workflow"] = "~"
    return tidy


def _row(session: Session, task: Object, *, details: list[str]) -> list[str]:
    view = {
        "status": task["status"],
        "iteration": task["iteration"],
        "child": task.get("subWorkflowId"),
        "input": dict(session.masked(task["inputData"])),
        "output": dict(session.masked(task["outputData"])),
    }
    mask_task(view, task["taskType"])
    cells = [task_name(task), task["taskType"], task["status"]]
    if "flags" in details:
        cells.append("".join(k[0] for k in ("retried", "executed") if task[k]) or "-")
    if "reasons" in details and task.get("reasonForIncompletion"):
        cells.append(f"reason={session.reason(task['reasonForIncompletion'])}")
    if "polls" in details:
        cells.append(f"polls={task['pollCount']} domain={task.get('domain')}")
    if "brief" not in details:
        cells += [
            f"{k}={compact(view[v])}"
            for k, v in (("in", "input"), ("out", "output"))
            if isinstance(view[v], dict) and view[v]
        ]
    return cells


WORDS: dict[str, Callable[[Session, Line], list[str]]] = {
    "workflow": _workflow,
    "task": _task_def,
    "start": _start,
    "poll": _poll,
    "complete": _result("COMPLETED"),
    "fail": _result("FAILED"),
    "fail-terminally": _result("FAILED_WITH_TERMINAL_ERROR"),
    "cancel": _result("CANCELED"),
    "progress": _result("IN_PROGRESS"),
    "extend": _extend,
    "update": _update,
    "update-v2": _update_v2,
    "update-ref": _by_ref("tasks.update_by_ref"),
    "update-ref-sync": _by_ref("tasks.update_by_ref_sync"),
    "advance": _advance,
    "pause": _plain("workflow.pause"),
    "resume": _plain("workflow.resume"),
    "decide": _plain("workflow.decide"),
    "reset-callbacks": _plain("workflow.resetcallbacks"),
    "terminate": _terminate,
    "post": _post,
    "retry": _flagged("workflow.retry", "children", parameter="resumeSubworkflowTasks", value="true"),
    "restart": _flagged("workflow.restart", "latest", parameter="useLatestDefinitions", value="true"),
    "rerun": _rerun,
    "skip": _skip,
    "variables": _variables,
    "remove": _flagged("workflow.remove", "unarchived", parameter="archiveWorkflow", value="false"),
    "terminate-remove": _flagged(
        "workflow.terminate_remove", "unarchived", parameter="archiveWorkflow", value="false"
    ),
    "show": _show,
    "status": _status,
    "queue": _queue,
    **EVENT_WORDS,
}
