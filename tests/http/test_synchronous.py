"""Requests that wait: synchronous executions, signals and updates of state (S-3.7, rest-api 3.2 and 5)."""

from __future__ import annotations

import json
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from tests.http import raw
from tests.http.calls import WAIT_S_MAX, define, ended, finish, poll, read, simple, start

if TYPE_CHECKING:
    from tests.conftest import Answer, Server

WAIT: dict[str, Any] = {"name": "wait", "taskReferenceName": "wait", "type": "WAIT"}
NOOP: dict[str, Any] = {"name": "noop", "taskReferenceName": "noop", "type": "NOOP"}
# Far more than any test takes: what is answered before was answered for its reason.
LONG = "waitForSeconds=120"


def child(name: str, reference: str = "child") -> dict[str, Any]:
    param = {"name": name, "version": 1}
    return {
        "name": "child",
        "taskReferenceName": reference,
        "type": "SUB_WORKFLOW",
        "subWorkflowParam": param,
    }


def execute(server: Server, name: str, query: str = LONG, **body: Any) -> Answer:
    return server.call("POST", f"/api/workflow/execute/{name}/1?{query}", {"name": name, "input": {}, **body})


def signal(server: Server, workflow_id: str, query: str = "", output: object = None) -> Answer:
    path = f"/api/tasks/{workflow_id}/COMPLETED/signal/sync?timeoutMillis=120000&{query}"
    return server.call("POST", path, {} if output is None else output)


def test_an_execution_that_ends_at_once_is_answered_whole(server: Server) -> None:
    define(server, "sync_noop", [NOOP], outputParameters={"n": "${workflow.input.n}"})
    answer = execute(server, "sync_noop", f"{LONG}&requestId=r-7", input={"n": 7}, correlationId="c-7")
    run = answer.json()
    assert (answer.status, answer.content_type) == (200, "application/json")
    assert (run["responseType"], run["requestId"], run["signalTimeout"]) == ("TARGET_WORKFLOW", "r-7", False)
    assert (run["status"], run["targetWorkflowStatus"]) == ("COMPLETED", "COMPLETED")
    assert run["workflowId"] == run["targetWorkflowId"]
    assert (run["input"], run["output"], run["correlationId"]) == ({"n": 7}, {"n": 7}, "c-7")
    assert [task["referenceTaskName"] for task in run["tasks"]] == ["noop"]
    assert read(server, run["workflowId"])["status"] == "COMPLETED"


def test_it_waits_for_workers_and_version_0_is_the_latest(server: Server) -> None:
    define(server, "sync_work", [simple("sync_work")])
    found: list[Answer] = []
    path = f"/api/workflow/execute/sync_work/0?{LONG}"
    waiting = threading.Thread(target=lambda: found.append(server.call("POST", path, {"input": {}})))
    waiting.start()
    finish(server, poll(server, "sync_work"), outputData={"n": 1})
    waiting.join(timeout=30)
    assert found[0].json()["output"] == {"n": 1}
    assert uuid.UUID(found[0].json()["requestId"]).version == 4


def test_when_the_time_is_over_the_state_is_answered_and_it_runs_on(server: Server) -> None:
    define(server, "sync_late", [simple("sync_late")])
    run = execute(server, "sync_late", "waitForSeconds=1").json()
    assert (run["status"], run["signalTimeout"]) == ("RUNNING", True)
    finish(server, poll(server, "sync_late"))
    assert ended(server, run["workflowId"])["status"] == "COMPLETED"


def test_a_named_task_that_is_over_is_waited_for(server: Server) -> None:
    define(server, "sync_ref", [{**NOOP, "taskReferenceName": "first"}, simple("sync_ref")])
    run = execute(server, "sync_ref", f"{LONG}&waitUntilTaskRef=other,%20first").json()
    assert (run["status"], run["signalTimeout"]) == ("RUNNING", False)


@pytest.mark.parametrize(
    ("strategy", "holder", "shows_task"),
    [
        ("TARGET_WORKFLOW", "top", False),
        ("BLOCKING_WORKFLOW", "below", False),
        ("BLOCKING_TASK", "below", True),
        ("BLOCKING_TASK_INPUT", "below", True),
    ],
)
def test_a_wait_in_a_child_blocks_and_the_strategy_says_what_is_shown(
    server: Server, strategy: str, holder: str, shows_task: bool
) -> None:
    below = f"sync_below_{strategy.lower()}"
    define(server, below, [{**WAIT, "inputParameters": {"ask": "name?"}}])
    define(server, f"{below}_top", [child(below)])
    run = execute(server, f"{below}_top", f"{LONG}&returnStrategy={strategy}").json()
    assert (run["responseType"], run["signalTimeout"]) == (strategy, False)
    assert run["targetWorkflowStatus"] == "RUNNING"
    below_id = read(server, run["targetWorkflowId"])["tasks"][0]["subWorkflowId"]
    assert run["workflowId"] == (below_id if holder == "below" else run["targetWorkflowId"])
    assert ("referenceTaskName" in run, "tasks" in run) == (shows_task, not shows_task)
    if shows_task:
        assert (run["referenceTaskName"], run["taskType"], run["input"]) == ("wait", "WAIT", {"ask": "name?"})
        assert run["status"] == "IN_PROGRESS"


def test_signals_end_one_wait_after_the_other(server: Server) -> None:
    """S-32.8, S-52.11."""
    second = {**WAIT, "taskReferenceName": "second"}
    define(server, "sync_inner", [second])
    define(server, "sync_signals", [WAIT, child("sync_inner")])
    workflow_id = start(server, "sync_signals")
    run = signal(server, workflow_id, "returnStrategy=BLOCKING_TASK", {"n": 1}).json()
    assert (run["referenceTaskName"], run["responseType"]) == ("second", "BLOCKING_TASK")
    # The last one ends the execution: nothing blocks, so that the execution itself is the answer.
    run = signal(server, workflow_id, "returnStrategy=BLOCKING_TASK", {"n": 2}).json()
    assert (run["status"], run["workflowId"], run["signalTimeout"]) == ("COMPLETED", workflow_id, False)
    assert read(server, workflow_id)["tasks"][0]["outputData"] == {"n": 1}
    assert signal(server, workflow_id).status == 404
    late = server.call("POST", f"/api/tasks/{workflow_id}/COMPLETED/signal", {})
    assert (late.status, late.body) == (200, b"")


def test_a_signal_without_waiting_merges_its_output(server: Server) -> None:
    define(server, "sync_async", [WAIT])
    workflow_id = start(server, "sync_async")
    answer = server.call("POST", f"/api/tasks/{workflow_id}/FAILED/signal", {"why": "no"})
    assert (answer.status, answer.body) == (200, b"")
    workflow = ended(server, workflow_id)
    assert (workflow["status"], workflow["tasks"][0]["outputData"]) == ("FAILED", {"why": "no"})
    assert server.call("POST", f"/api/tasks/{uuid.uuid4()}/COMPLETED/signal", {}).status == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/workflow/execute/unknown/1", 404),
        ("/api/workflow/execute/sync_bad/2", 404),
        ("/api/workflow/execute/sync_bad/1?returnStrategy=SOMETHING", 400),
        ("/api/workflow/execute/sync_bad/1?waitForSeconds=3601", 400),
        ("/api/workflow/execute/sync_bad/1?waitForSeconds=ten", 400),
        ("/api/workflow/execute/sync_bad/one", 400),
        ("/api/tasks/no-id/COMPLETED/signal/sync", 404),
        ("/api/tasks/no-id/DONE/signal/sync", 400),
    ],
)
def test_what_makes_no_sense_is_refused(server: Server, path: str, status: int) -> None:
    define(server, "sync_bad", [NOOP])
    assert server.call("POST", path, {}).status == status


def waiting_requests(server: Server, wanted: int) -> None:
    """Read the gauge until it says so many; bounded."""
    deadline = time.monotonic() + WAIT_S_MAX
    while f"\nfastcond_waiting_requests {wanted}\n" not in server.call("GET", "/metrics").body.decode():
        assert time.monotonic() < deadline, f"the gauge never says {wanted}"


def test_a_client_that_left_is_not_waited_for(server: Server) -> None:
    """The wait goes with its connection; others and the execution go on."""
    define(server, "sync_left", [simple("sync_left")])
    body = json.dumps({"input": {}}).encode()
    head = (
        f"POST /api/workflow/execute/sync_left/1?{LONG} HTTP/1.1\r\nhost: t\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    with raw.connect(server.port) as connection:
        connection.sendall(head.encode() + body)
        task = poll(server, "sync_left")
        waiting_requests(server, 1)
    waiting_requests(server, 0)
    finish(server, task)
    assert ended(server, task["workflowInstanceId"])["status"] == "COMPLETED"
