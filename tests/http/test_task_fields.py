"""The fields of a task that clients and the engine rely on are there, each from its source (S-1.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.http.calls import define, finish, poll, read, simple, start

if TYPE_CHECKING:
    from tests.conftest import Server


def test_a_task_shows_what_drives_it(server: Server) -> None:
    define(server, "fields", [simple("fields_task", "ref", startDelay=0)])
    limits = {
        "name": "fields_task",
        "responseTimeoutSeconds": 77,
        "rateLimitPerFrequency": 5,
        "rateLimitFrequencyInSeconds": 9,
        "isolationGroupId": "group",
        "executionNameSpace": "space",
    }
    assert server.call("POST", "/api/metadata/taskdefs", [limits]).status == 200
    request = {"name": "fields", "input": {}, "priority": 7, "taskToDomain": {"*": "NO_DOMAIN"}}
    workflow_id = server.call("POST", "/api/workflow", request).body.decode()
    task = poll(server, "fields_task")
    wanted = {
        "referenceTaskName": "ref",
        "taskType": "fields_task",
        "taskDefName": "fields_task",
        "status": "IN_PROGRESS",
        "seq": 1,
        "retryCount": 0,
        "iteration": 0,
        "startDelayInSeconds": 0,
        "callbackAfterSeconds": 0,
        "pollCount": 1,
        "workerId": "w1",
        "isolationGroupId": "group",
        "executionNameSpace": "space",
        "rateLimitPerFrequency": 5,
        "rateLimitFrequencyInSeconds": 9,
        "responseTimeoutSeconds": 77,
        "workflowPriority": 7,
        "workflowInstanceId": workflow_id,
        "endTime": 0,
    }
    assert {name: task[name] for name in wanted} == wanted
    assert 0 < task["scheduledTime"] <= task["startTime"] <= task["updateTime"]
    assert task["workflowTask"]["taskDefinition"]["responseTimeoutSeconds"] == 77
    finish(server, task, "FAILED")
    first, second = read(server, workflow_id)["tasks"]
    assert (second["retriedTaskId"], second["retryCount"], first["retried"]) == (first["taskId"], 1, True)
    assert first["endTime"] >= first["startTime"]


def test_without_limits_the_limits_are_none(server: Server) -> None:
    define(server, "unlimited", [simple("unlimited")])
    (task,) = read(server, start(server, "unlimited"))["tasks"]
    assert (task["rateLimitPerFrequency"], task["rateLimitFrequencyInSeconds"]) == (0, 1)
    assert "isolationGroupId" not in task
