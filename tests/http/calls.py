"""What the live tests do to a server over and over: define, start, poll, finish, wait."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.conftest import Server

WAIT_S_MAX = 15.0
TERMINAL = {"COMPLETED", "FAILED", "TIMED_OUT", "TERMINATED"}


def simple(name: str, reference: str | None = None, **fields: Any) -> dict[str, Any]:
    """Return a SIMPLE workflow task."""
    return {"name": name, "taskReferenceName": reference or name, "type": "SIMPLE", **fields}


def define(server: Server, name: str, tasks: list[dict[str, Any]], **fields: Any) -> None:
    """Register a workflow definition and definitions for its SIMPLE tasks."""
    for task in tasks:
        if task["type"] == "SIMPLE":
            answer = server.call("POST", "/api/metadata/taskdefs", [{"name": task["name"], "retryCount": 0}])
            assert (answer.status, answer.body) == (200, b"")
    definition = {"name": name, "version": 1, "schemaVersion": 2, "tasks": tasks, **fields}
    answer = server.call("PUT", "/api/metadata/workflow", [definition])
    assert answer.status == 200, answer.body


def start(server: Server, name: str, task_input: object = None) -> str:
    """Start an execution and return its id."""
    answer = server.call("POST", "/api/workflow", {"name": name, "version": 1, "input": task_input or {}})
    assert answer.status == 200, answer.body
    return answer.body.decode()


def poll(server: Server, task_type: str) -> dict[str, Any]:
    """Poll until a task is there; bounded."""
    deadline = time.monotonic() + WAIT_S_MAX
    while time.monotonic() < deadline:
        answer = server.call("GET", f"/api/tasks/poll/batch/{task_type}?workerid=w1&count=1&timeout=1000")
        assert answer.status == 200, answer.body
        tasks: list[dict[str, Any]] = answer.json()
        if tasks:
            return tasks[0]
    raise AssertionError(f"no {task_type} task within {WAIT_S_MAX} s")


def finish(server: Server, task: dict[str, Any], status: str = "COMPLETED", **fields: Any) -> None:
    """Report a result for a polled task."""
    result = {"workflowInstanceId": task["workflowInstanceId"], "taskId": task["taskId"], "status": status}
    answer = server.call("POST", "/api/tasks", result | {"workerId": "w1"} | fields)
    assert (answer.status, answer.body.decode()) == (200, task["taskId"])


def read(server: Server, workflow_id: str) -> dict[str, Any]:
    """Return an execution with its tasks."""
    answer = server.call("GET", f"/api/workflow/{workflow_id}")
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.json()
    return found


def ended(server: Server, workflow_id: str) -> dict[str, Any]:
    """Return an execution once it is terminal; bounded."""
    deadline = time.monotonic() + WAIT_S_MAX
    while time.monotonic() < deadline:
        workflow = read(server, workflow_id)
        if workflow["status"] in TERMINAL:
            return workflow
    raise AssertionError(f"{workflow_id} is still {workflow['status']} after {WAIT_S_MAX} s")
