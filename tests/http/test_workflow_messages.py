"""Messages posted to an execution over HTTP (S-82.1): answers and refusals are bare text."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from tests.http.calls import define, ended, read, simple, start

if TYPE_CHECKING:
    from tests.conftest import Server

PULL = {
    "name": "pull",
    "taskReferenceName": "pull",
    "type": "PULL_WORKFLOW_MESSAGES",
    "inputParameters": {"batchSize": 100},
}
WAITING_MAX = 1000


def test_a_message_wakes_the_task_that_waits(server: Server) -> None:
    """S-42.2, S-82.1: the answer is the id under which the task shows the message."""
    define(server, "listens", [PULL])
    workflow_id = start(server, "listens")
    answer = server.call("POST", f"/api/workflow/{workflow_id}/messages", {"text": "hello"})
    assert (answer.status, answer.content_type) == (200, "text/plain;charset=UTF-8")
    (message,) = ended(server, workflow_id)["output"]["messages"]
    received = message.pop("receivedAt")
    assert received.endswith("Z")
    assert message == {
        "id": str(UUID(answer.body.decode())),
        "workflowId": workflow_id,
        "payload": {"text": "hello"},
    }


def test_refusals_are_text(server: Server) -> None:
    """S-82.1: 404 unknown, 409 not running; a body that is no object is 400."""
    unknown = server.call("POST", f"/api/workflow/{UUID(int=7)}/messages", {"n": 1})
    assert (unknown.status, unknown.content_type) == (404, "text/plain;charset=UTF-8")
    define(server, "listens", [PULL])
    workflow_id = start(server, "listens")
    assert server.call("POST", f"/api/workflow/{workflow_id}/messages", [1]).status == 400
    server.call("PUT", f"/api/workflow/{workflow_id}/pause")
    paused = server.call("POST", f"/api/workflow/{workflow_id}/messages", {"n": 1})
    assert (paused.status, b"{" in paused.body) == (409, False)
    server.call("DELETE", f"/api/workflow/{workflow_id}")
    assert server.call("POST", f"/api/workflow/{workflow_id}/messages", {"n": 1}).status == 409


def test_only_so_many_wait(server: Server) -> None:
    """S-82.1, S-42.1: 429 beyond a thousand; a task takes at most a hundred of them."""
    define(server, "busy", [simple("busy_first"), PULL])
    workflow_id = start(server, "busy")
    path = f"/api/workflow/{workflow_id}/messages"
    statuses = {server.call("POST", path, {"n": number}).status for number in range(WAITING_MAX)}
    assert statuses == {200}
    refused = server.call("POST", path, {"n": -1})
    assert (refused.status, refused.content_type) == (429, "text/plain;charset=UTF-8")
    assert server.call("POST", f"/api/tasks/{workflow_id}/busy_first/COMPLETED", {}).status == 200
    output = read(server, workflow_id)["output"]
    assert output["count"] == 100
    assert [message["payload"]["n"] for message in output["messages"]] == list(range(100))
