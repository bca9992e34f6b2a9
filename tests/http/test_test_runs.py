"""Test runs with mocks (S-64.1) and updates of a running execution's state (S-64.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.http.calls import define, read, simple, start

if TYPE_CHECKING:
    from tests.conftest import Answer, Server

RUNS_MS = 1_800_000


def run(server: Server, name: str, mocks: dict[str, Any], **fields: Any) -> Answer:
    body = {"name": name, "input": {}, "taskRefToMockOutput": mocks, **fields}
    return server.call("POST", "/api/workflow/test", body)


def tasks(answer: Answer) -> list[tuple[str, str]]:
    assert answer.status == 200, answer.body
    return [(task["referenceTaskName"], task["status"]) for task in answer.json()["tasks"]]


def test_mocks_stand_in_for_workers_and_the_server_keeps_nothing(server: Server) -> None:
    """S-64.1: attempts take one mock after the other; waiting costs no time, and no worker sees a task."""
    define(
        server,
        "trial",
        [
            simple("trial_a", retryCount=1),
            {
                "name": "w",
                "taskReferenceName": "w",
                "type": "WAIT",
                "inputParameters": {"duration": "2 hours"},
            },
            {
                "name": "h",
                "taskReferenceName": "h",
                "type": "HTTP",
                "inputParameters": {"http_request": {"uri": "http://127.0.0.1:9/", "method": "GET"}},
            },
        ],
        outputParameters={"n": "${trial_a.output.n}", "code": "${h.output.response.statusCode}"},
    )
    failed = {"status": "FAILED", "output": {}}
    mocks = {
        "trial_a": [failed, {"output": {"n": 7}, "executionTime": RUNS_MS, "queueWaitTime": 1000}],
        "h": [{"output": {"response": {"statusCode": 200}}}],
    }
    answer = run(server, "trial", mocks)
    done = ("COMPLETED",)
    assert tasks(answer) == [("trial_a", "FAILED"), ("trial_a", *done), ("w", *done), ("h", *done)]
    found = answer.json()
    assert (found["status"], found["output"]) == ("COMPLETED", {"n": 7, "code": 200})
    second = found["tasks"][1]
    assert second["endTime"] - second["startTime"] == RUNS_MS
    assert server.call("GET", f"/api/workflow/{found['workflowId']}").status == 404
    assert server.call("GET", "/api/tasks/queue/size?taskType=trial_a").json() == 0


def test_a_run_stops_where_a_task_has_no_mock(server: Server) -> None:
    """S-64.1: it is told as it stands then, and a limit of time does not end it."""
    define(server, "trial_open", [simple("trial_b"), simple("trial_c")], timeoutSeconds=60)
    answer = run(server, "trial_open", {"trial_b": [{"output": {}}]})
    assert tasks(answer) == [("trial_b", "COMPLETED"), ("trial_c", "SCHEDULED")]
    assert answer.json()["status"] == "RUNNING"


def test_children_have_mocks_of_their_own(server: Server) -> None:
    """S-64.1: those of a nested request, or the SUB_WORKFLOW task has a mock itself."""
    define(server, "trial_child", [simple("trial_d")], outputParameters={"n": "${trial_d.output.n}"})
    param = {"name": "trial_child", "version": 1}
    child = {"name": "s", "taskReferenceName": "s", "type": "SUB_WORKFLOW", "subWorkflowParam": param}
    define(server, "trial_parent", [child], outputParameters={"n": "${s.output.n}"})
    nested = {"s": {"name": "trial_child", "taskRefToMockOutput": {"trial_d": [{"output": {"n": 3}}]}}}
    answer = run(server, "trial_parent", {}, subWorkflowTestRequest=nested)
    assert (tasks(answer), answer.json()["output"]) == ([("s", "COMPLETED")], {"n": 3})
    mocked = run(server, "trial_parent", {"s": [{"output": {"n": 4}}]})
    assert (tasks(mocked), mocked.json()["output"]) == ([("s", "COMPLETED")], {"n": 4})


def test_a_loop_without_end_is_cut_off(server: Server) -> None:
    """S-64.1: rounds are bounded, and others are served meanwhile."""
    body = [
        {"name": "n", "taskReferenceName": "n", "type": "WAIT", "inputParameters": {"duration": "1 hours"}}
    ]
    loop: dict[str, Any] = {
        "name": "l",
        "taskReferenceName": "l",
        "type": "DO_WHILE",
        "loopCondition": "true",
        "loopOver": body,
        "inputParameters": {"keepLastN": 2},
    }
    define(server, "trial_loop", [loop])
    answer = run(server, "trial_loop", {})
    assert (answer.status, answer.json()["status"]) == (200, "RUNNING")


def test_a_test_run_is_refused_like_a_start(server: Server) -> None:
    assert run(server, "nobody_knows", {}).status == 404
    define(server, "trial_bad", [simple("trial_e")])
    assert run(server, "trial_bad", {"trial_e": [{"status": "MAYBE"}]}).status == 400
    assert run(server, "trial_bad", {"trial_e": [{"output": [1]}]}).status == 400


def test_state_takes_variables_and_a_result_at_once(server: Server) -> None:
    """S-64.3: `/state` answers like a synchronous execution."""
    define(server, "stateful", [simple("state_a"), simple("state_b")])
    workflow_id = start(server, "stateful")
    path = f"/api/workflow/{workflow_id}/state?requestId=r-1&waitUntilTaskRef=state_a&waitForSeconds=120"
    result = {"status": "COMPLETED", "outputData": {"n": 1}}
    update = {"taskReferenceName": "state_a", "taskResult": result, "variables": {"v": 2}}
    answer = server.call("POST", path, update)
    assert answer.status == 200, answer.body
    found = answer.json()
    assert (found["requestId"], found["variables"]) == ("r-1", {"v": 2})
    states = [(t["referenceTaskName"], t["status"]) for t in read(server, workflow_id)["tasks"]]
    assert states == [("state_a", "COMPLETED"), ("state_b", "SCHEDULED")]


def test_state_changes_nothing_when_there_is_no_such_task(server: Server) -> None:
    define(server, "stateful_not", [simple("state_c")])
    workflow_id = start(server, "stateful_not")
    update = {"taskReferenceName": "x", "taskResult": {"status": "COMPLETED"}, "variables": {"v": 2}}
    assert server.call("POST", f"/api/workflow/{workflow_id}/state", update).status == 404
    assert read(server, workflow_id)["variables"] == {}
    unknown = "/api/workflow/00000000-0000-4000-8000-000000000000/state"
    assert server.call("POST", unknown, {"variables": {}}).status == 404
