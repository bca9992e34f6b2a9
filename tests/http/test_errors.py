"""Error answers over HTTP: status, body, content type, on hot and cold routes alike (rest-api 2, S-93)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.http.calls import define, simple

if TYPE_CHECKING:
    from tests.conftest import Server

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
RESULT = {"workflowInstanceId": "nobody", "taskId": "nobody", "status": "COMPLETED"}

CASES = [
    ("GET", "/api/workflow/nobody", None, 404),
    ("GET", "/api/workflow/nobody/status", None, 404),
    ("GET", "/api/tasks/nobody", None, 404),
    ("GET", "/api/metadata/workflow/nobody", None, 404),
    ("GET", "/api/metadata/taskdefs/nobody", None, 404),
    ("POST", "/api/workflow", {"name": "nobody"}, 404),
    ("POST", "/api/workflow/nobody", {}, 404),
    ("POST", "/api/tasks", RESULT, 404),
    ("POST", "/api/tasks/update-v2", RESULT, 404),
    ("PUT", "/api/workflow/nobody/pause", None, 404),
    ("POST", "/api/token", {"keyId": "a", "keySecret": "b"}, 404),
    ("POST", "/api/schema", {}, 404),
    ("GET", "/api/nothing/at/all", None, 404),
    ("GET", "/api/metadata/workflow/", None, 404),
    ("PUT", "/api/tasks", RESULT, 405),
    ("POST", "/api/tasks/poll/some", {}, 405),
    ("DELETE", "/api/tasks/queue/a/b", None, 405),
    ("PATCH", "/api/workflow", {}, 405),
]


@pytest.mark.parametrize(("method", "path", "body", "status"), CASES)
def test_an_error_has_the_contracts_body(
    server: Server, method: str, path: str, body: object, status: int
) -> None:
    """Client rules 17 and 18."""
    answer = server.call(method, path, body)
    assert answer.status == status, answer.body
    assert answer.content_type == "application/json"
    error = answer.json()
    assert error["status"] == status
    assert error["retryable"] is False
    assert error["message"]
    assert error["instance"]


@pytest.mark.parametrize(
    "path", ["/api/workflow", "/api/tasks", "/api/tasks/update-v2", "/api/metadata/taskdefs"]
)
@pytest.mark.parametrize("body", [b"{", b"not json", b'"text"', b"\xff\xfe", b"[" * 100_000])
def test_malformed_json_is_the_clients_mistake(server: Server, path: str, body: bytes) -> None:
    answer = server.call("POST", path, body)
    assert answer.status in {400, 404}, answer.body
    assert answer.json()["status"] == answer.status


@pytest.mark.parametrize("path", ["/api/workflow", "/api/tasks", "/api/metadata/taskdefs"])
def test_a_form_or_text_body_on_a_json_route_is_refused(server: Server, path: str) -> None:
    """Rest-api 1, the safe variant of the answer."""
    for headers in (FORM, {"Content-Type": "text/plain"}):
        answer = server.call("POST", path, b"a=1", headers=headers)
        assert answer.status in {400, 415}
        assert answer.json()["status"] == answer.status


def test_a_missing_body_is_the_clients_mistake(server: Server) -> None:
    for path in ("/api/workflow", "/api/tasks", "/api/metadata/taskdefs"):
        assert server.call("POST", path, b"").status == 400


def test_start_refuses_a_priority_out_of_range(server: Server) -> None:
    """Rest-api 15: priority 0 to 99."""
    define(server, "priorities", [simple("priorities_task")])
    answer = server.call("POST", "/api/workflow", {"name": "priorities", "version": 1, "priority": 100})
    assert answer.status == 400
    assert "instance" not in answer.json()
    assert answer.json()["validationErrors"][0]["path"] == "startWorkflow.arg0.priority"


def test_what_a_client_accepts_changes_nothing(server: Server) -> None:
    """Client rule 6: each endpoint has one fixed response type."""
    for accept in ("text/plain", "application/xml", "*/*", "image/png;q=0.1"):
        answer = server.call("GET", "/api/metadata/taskdefs", headers={"Accept": accept})
        assert (answer.status, answer.content_type) == (200, "application/json")


def test_an_error_message_cannot_break_its_json(server: Server) -> None:
    answer = server.call("GET", "/api/workflow/%22%7D%0A%3Cscript%3E")
    assert answer.status == 404
    assert json.loads(answer.body)["status"] == 404
