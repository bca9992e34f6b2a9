"""Executions over HTTP: start, read, finish, operate, search (rest-api 3 to 5)."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

import pytest
from tests.http.calls import define, ended, finish, poll, read, simple, start

if TYPE_CHECKING:
    from tests.conftest import Server


def test_one_task_from_start_to_end(server: Server) -> None:
    define(server, "one", [simple("one_task")], outputParameters={"said": "${one_task.output.said}"})
    begun = server.call("POST", "/api/workflow", {"name": "one", "input": {"n": 12345678901234567890}})
    assert (begun.status, begun.content_type) == (200, "text/plain;charset=UTF-8")
    workflow_id = begun.body.decode()
    assert uuid.UUID(workflow_id).version == 4
    task = poll(server, "one_task")
    assert (task["status"], task["workerId"], task["workflowInstanceId"]) == (
        "IN_PROGRESS",
        "w1",
        workflow_id,
    )
    finish(server, task, outputData={"said": {"exact": 1.10}})
    body = server.call("GET", f"/api/workflow/{workflow_id}").body
    assert b"12345678901234567890" in body
    workflow = json.loads(body)
    assert workflow["status"] == "COMPLETED"
    assert workflow["output"] == {"said": {"exact": 1.1}}
    assert [each["status"] for each in workflow["tasks"]] == ["COMPLETED"]
    assert not [name for name, value in workflow.items() if value is None]


def test_start_by_name_takes_version_and_input(server: Server) -> None:
    define(server, "by_name", [simple("by_name_task")])
    answer = server.call("POST", "/api/workflow/by_name?version=1&correlationId=c1&priority=3", {"a": 1})
    assert (answer.status, answer.content_type) == (200, "text/plain;charset=UTF-8")
    workflow = read(server, answer.body.decode())
    assert (workflow["correlationId"], workflow["priority"], workflow["input"]) == ("c1", 3, {"a": 1})
    correlated = server.call("GET", "/api/workflow/by_name/correlated/c1").json()
    assert [each["workflowId"] for each in correlated] == [workflow["workflowId"]]
    assert correlated[0]["tasks"] == []
    many = server.call("POST", "/api/workflow/by_name/correlated", ["c1", "c2"]).json()
    assert set(many) == {"c1", "c2"}


def test_without_tasks_and_with_status_alone(server: Server) -> None:
    define(server, "views", [simple("views_task")])
    workflow_id = start(server, "views", {"a": 1})
    assert server.call("GET", f"/api/workflow/{workflow_id}?includeTasks=false").json()["tasks"] == []
    status = server.call("GET", f"/api/workflow/{workflow_id}/status")
    assert (status.content_type, status.json()["status"]) == ("application/json", "RUNNING")
    page = server.call("GET", f"/api/workflow/{workflow_id}/tasks?status=scheduled&status=IN_PROGRESS").json()
    assert (page["totalHits"], len(page["results"])) == (1, 1)
    assert workflow_id in server.call("GET", "/api/workflow/running/views").json()


def test_an_empty_single_poll_is_204_and_an_empty_batch_is_a_list(server: Server) -> None:
    """Client rule 11."""
    single = server.call("GET", "/api/tasks/poll/nobody_queues_this")
    assert (single.status, single.body) == (204, b"")
    batch = server.call("GET", "/api/tasks/poll/batch/nobody_queues_this?count=5&timeout=50")
    assert (batch.status, batch.body, batch.content_type) == (200, b"[]", "application/json")
    assert server.call("GET", "/api/tasks/poll/batch/nobody_queues_this?timeout=5001").status == 400


def test_update_v2_hands_out_the_next_task(server: Server) -> None:
    """Client rule 24."""
    define(server, "v2", [simple("v2_task")])
    first, second = start(server, "v2"), start(server, "v2")
    task = poll(server, "v2_task")
    result = {
        "workflowInstanceId": task["workflowInstanceId"],
        "taskId": task["taskId"],
        "status": "COMPLETED",
    }
    following = server.call("POST", "/api/tasks/update-v2", result | {"workerId": "w1"})
    assert following.status == 200
    following_task = following.json()
    assert {task["workflowInstanceId"], following_task["workflowInstanceId"]} == {first, second}
    result = {"workflowInstanceId": following_task["workflowInstanceId"], "taskId": following_task["taskId"]}
    last = server.call("POST", "/api/tasks/update-v2", result | {"status": "COMPLETED", "workerId": "w1"})
    assert (last.status, last.body) == (204, b"")


def test_a_result_for_an_ended_task_changes_nothing(server: Server) -> None:
    define(server, "twice", [simple("twice_task")])
    workflow_id = start(server, "twice")
    task = poll(server, "twice_task")
    finish(server, task, outputData={"take": 1})
    finish(server, task, status="FAILED", outputData={"take": 2})
    workflow = read(server, workflow_id)
    assert (workflow["status"], workflow["tasks"][0]["outputData"]) == ("COMPLETED", {"take": 1})


def test_a_task_is_finished_by_its_reference_name(server: Server) -> None:
    define(server, "by_ref", [simple("by_ref_task", "ref1"), simple("by_ref_task", "ref2")])
    workflow_id = start(server, "by_ref")
    first = server.call("POST", f"/api/tasks/{workflow_id}/ref1/COMPLETED?workerid=me", {"a": 1})
    assert (first.status, first.content_type) == (200, "text/plain;charset=UTF-8")
    none = server.call("POST", f"/api/tasks/{workflow_id}/nobody/COMPLETED", {})
    assert (none.status, none.body) == (200, b"")
    second = server.call("POST", f"/api/tasks/{workflow_id}/ref2/COMPLETED/sync", {})
    assert second.json()["status"] == "COMPLETED"
    assert server.call("POST", f"/api/tasks/{workflow_id}/ref2/COMPLETED/sync", {}).status == 404


@pytest.mark.parametrize("content_type", ["application/json", "text/plain; charset=utf-8", "x/y"])
def test_a_task_log_is_stored_byte_for_byte(server: Server, content_type: str) -> None:
    """Client rule 25."""
    define(server, "logs", [simple("logs_task")])
    start(server, "logs")
    task = poll(server, "logs_task")
    path = f"/api/tasks/{task['taskId']}/log"
    assert server.call("GET", path).status == 204
    assert server.call("POST", path, b'"quoted" + \\n', headers={"Content-Type": content_type}).status == 200
    assert [each["log"] for each in server.call("GET", path).json()] == ['"quoted" + \\n']


def test_pause_resume_terminate_retry_restart_remove(server: Server) -> None:
    define(server, "ops", [simple("ops_task")])
    workflow_id = start(server, "ops")
    base = f"/api/workflow/{workflow_id}"
    assert server.call("PUT", f"{base}/pause", b"null").status == 200
    assert read(server, workflow_id)["status"] == "PAUSED"
    assert server.call("PUT", f"{base}/resume", b"{}").status == 200
    assert server.call("PUT", f"/api/workflow/decide/{workflow_id}").status == 200
    assert server.call("POST", f"{base}/retry").status == 409
    assert server.call("DELETE", f"{base}?reason=enough").status == 200
    workflow = read(server, workflow_id)
    assert (workflow["status"], workflow["reasonForIncompletion"]) == ("TERMINATED", "enough")
    assert server.call("PUT", f"{base}/pause").status == 409
    assert server.call("POST", f"{base}/restart").status == 204
    task = poll(server, "ops_task")
    finish(server, task, status="FAILED", reasonForIncompletion="because")
    assert ended(server, workflow_id)["status"] == "FAILED"
    retried = server.call("POST", f"{base}/retry")
    assert (retried.status, retried.body) == (204, b"")
    finish(server, poll(server, "ops_task"))
    assert ended(server, workflow_id)["status"] == "COMPLETED"
    assert server.call("DELETE", base).status == 409
    assert server.call("DELETE", f"{base}/remove?archiveWorkflow=false").status == 200
    assert server.call("GET", base).status == 404


def test_bulk_operations_report_each_id(server: Server) -> None:
    """S-64.2."""
    define(server, "bulk", [simple("bulk_task")])
    ids = [start(server, "bulk") for _ in range(3)]
    paused = server.call("PUT", "/api/workflow/bulk/pause", [*ids, "nobody"])
    assert paused.status == 200
    assert paused.json()["bulkSuccessfulResults"] == ids
    assert list(paused.json()["bulkErrorResults"]) == ["nobody"]
    assert (
        server.call("POST", "/api/workflow/bulk/terminate?reason=r", ids).json()["bulkSuccessfulResults"]
        == ids
    )
    assert server.call("PUT", "/api/workflow/bulk/pause", []).status == 400


def test_search_by_name_status_and_time(server: Server) -> None:
    define(server, "find_me", [simple("find_me_task")])
    ids = {start(server, "find_me") for _ in range(3)}
    query = "workflowType%3D%27find_me%27%20AND%20status%20IN%20(RUNNING,PAUSED)%20AND%20startTime%20%3E%201"
    found = server.call("GET", f"/api/workflow/search?query={query}&size=2&sort=startTime:DESC").json()
    assert (found["totalHits"], len(found["results"])) == (3, 2)
    assert {each["workflowId"] for each in found["results"]} <= ids
    second = server.call(
        "GET", f"/api/workflow/search-v2?query={query}&start=2&size=2&sort=startTime:DESC"
    ).json()
    assert len(second["results"]) == 1
    assert second["results"][0]["tasks"] == []
    assert server.call("GET", "/api/workflow/search?size=5001").status == 400


def test_queue_sizes_and_who_polls(server: Server) -> None:
    define(server, "queues", [simple("queues_task")])
    start(server, "queues")
    assert server.call("GET", "/api/tasks/queue/sizes?taskType=queues_task,none_such").json() == {
        "queues_task": 1,
        "none_such": 0,
    }
    assert server.call("GET", "/api/tasks/queue/size?taskType=queues_task").json() == 1
    assert server.call("GET", "/api/tasks/queue/all").json()["queues_task"] == 1
    assert server.call("GET", "/api/tasks/queue/all/verbose").json()["queues_task"]["a"]["size"] == 1
    poll(server, "queues_task")
    polled = server.call("GET", "/api/tasks/queue/polldata?taskType=queues_task").json()
    assert [(each["queueName"], each["workerId"]) for each in polled] == [("queues_task", "w1")]
    assert server.call("GET", "/api/tasks/queue/polldata").status == 400
    requeued = server.call("POST", "/api/tasks/queue/requeue/queues_task")
    assert requeued.content_type == "text/plain;charset=UTF-8"
