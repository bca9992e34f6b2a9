"""Payloads beyond what may be kept: whatever made them ends with a reason (S-91.1, S-91.2, G19, G20)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.http.calls import define, finish, poll, read, simple, start

if TYPE_CHECKING:
    from tests.conftest import Server

LARGE = "x" * (6 * 1024 * 1024)


def test_input_of_a_task_that_grows_too_large_fails_it(server: Server) -> None:
    given = {"a": "${workflow.input.x}", "b": "${workflow.input.x}"}
    define(server, "wide_input", [simple("wide_input_task", inputParameters=given)])
    execution = read(server, start(server, "wide_input", {"x": LARGE}))
    (task,) = execution["tasks"]
    assert (execution["status"], task["status"]) == ("FAILED", "FAILED_WITH_TERMINAL_ERROR")
    assert task["inputData"] == {}
    assert "10 MiB" in task["reasonForIncompletion"]


def test_oversize_output_still_terminates(server: Server) -> None:
    """A JOIN over outputs that are too large together fails for good, with its output emptied."""
    branches = [[simple("wide_left")], [simple("wide_right")]]
    fork: dict[str, Any] = {"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN", "forkTasks": branches}
    join: dict[str, Any] = {
        "name": "j",
        "taskReferenceName": "j",
        "type": "JOIN",
        "joinOn": ["wide_left", "wide_right"],
    }
    define(server, "wide_join", [fork, join])
    workflow_id = start(server, "wide_join")
    for name in ("wide_left", "wide_right"):
        finish(server, poll(server, name), outputData={"x": LARGE})
    execution = read(server, workflow_id)
    joined = next(task for task in execution["tasks"] if task["taskType"] == "JOIN")
    assert (execution["status"], joined["status"]) == ("FAILED", "FAILED_WITH_TERMINAL_ERROR")
    assert joined["outputData"] == {}
    assert "larger" in joined["reasonForIncompletion"]


def test_output_of_a_workflow_that_is_too_large_fails_it(server: Server) -> None:
    define(server, "sorry", [simple("sorry_task")])
    doubled = {"a": "${wide_end.output.x}", "b": "${wide_end.output.x}"}
    define(server, "wide_end", [simple("wide_end")], outputParameters=doubled, failureWorkflow="sorry")
    workflow_id = start(server, "wide_end")
    finish(server, poll(server, "wide_end"), outputData={"x": LARGE})
    execution = read(server, workflow_id)
    assert (execution["status"], [t["status"] for t in execution["tasks"]]) == ("FAILED", ["COMPLETED"])
    assert set(execution["output"]) == {"conductor.failure_workflow"}
    assert "larger" in execution["reasonForIncompletion"]


def test_updates_by_reference_name_cannot_grow_an_output_beyond_bounds(server: Server) -> None:
    define(server, "wide_merge", [simple("wide_merge")])
    workflow_id = start(server, "wide_merge")
    for key in ("a", "b"):
        path = f"/api/tasks/{workflow_id}/wide_merge/IN_PROGRESS"
        assert server.call("POST", path, {key: LARGE}).status == 200
    execution = read(server, workflow_id)
    (task,) = execution["tasks"]
    assert (execution["status"], task["status"]) == ("FAILED", "FAILED_WITH_TERMINAL_ERROR")
    assert task["outputData"] == {}


def test_ten_log_lines_of_an_update_are_kept(server: Server) -> None:
    """S-91.5, S-52.6: the rest is dropped."""
    define(server, "chatty", [simple("chatty")])
    start(server, "chatty")
    task = poll(server, "chatty")
    finish(server, task, logs=[{"log": f"line {n}"} for n in range(12)])
    kept = server.call("GET", f"/api/tasks/{task['taskId']}/log").json()
    assert [line["log"] for line in kept] == [f"line {n}" for n in range(10)]
