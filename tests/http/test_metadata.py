"""Definitions over HTTP (rest-api 6 and 15)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.http.calls import simple

if TYPE_CHECKING:
    from tests.conftest import Server


def workflow(name: str, version: int = 1) -> dict[str, Any]:
    return {"name": name, "version": version, "schemaVersion": 2, "tasks": [simple("t")]}


def test_task_definitions_are_created_read_updated_and_deleted(server: Server) -> None:
    path = "/api/metadata/taskdefs"
    created = server.call("POST", path, [{"name": "td", "retryCount": 7, "unknownField": 1}])
    assert (created.status, created.body, created.content_type) == (200, b"", None)
    assert created.headers["content-length"] == "0"
    found = server.call("GET", f"{path}/td")
    assert (found.status, found.content_type, found.json()["retryCount"]) == (200, "application/json", 7)
    assert server.call("PUT", path, {"name": "td", "retryCount": 2}).status == 200
    assert {each["name"]: each["retryCount"] for each in server.call("GET", path).json()}["td"] == 2
    assert server.call("PUT", path, {"name": "td_unknown"}).status == 404
    assert server.call("DELETE", f"{path}/td").status == 200
    assert server.call("GET", f"{path}/td").status == 404


def test_workflow_definitions_are_versioned(server: Server) -> None:
    path = "/api/metadata/workflow"
    assert server.call("POST", path, workflow("wd")).status == 200
    duplicate = server.call("POST", path, workflow("wd"))
    assert duplicate.status == 409
    assert "wd.1" in duplicate.json()["message"]
    assert server.call("POST", f"{path}?overwrite=true", workflow("wd")).status == 200
    bulk = server.call("PUT", path, [workflow("wd", 2), workflow("wd", 3)])
    assert bulk.status == 200
    assert bulk.json()["bulkSuccessfulResults"] == ["wd", "wd"]
    assert server.call("GET", f"{path}/wd").json()["version"] == 3
    assert server.call("GET", f"{path}/wd?version=2").json()["version"] == 2
    assert server.call("GET", f"{path}/wd?version=").json()["version"] == 3
    assert [each["version"] for each in server.call("GET", f"{path}/wd/versions").json()] == [1, 2, 3]
    assert server.call("GET", f"{path}/nobody/versions").json() == []
    assert "wd" in server.call("GET", f"{path}/names").json()
    names = server.call("GET", f"{path}/names-and-versions").json()
    assert [each["version"] for each in names["wd"]] == [1, 2, 3]
    latest = [each for each in server.call("GET", f"{path}/latest-versions").json() if each["name"] == "wd"]
    assert [each["version"] for each in latest] == [3]
    assert server.call("DELETE", f"{path}/wd/2").status == 200
    assert server.call("GET", f"{path}/wd?version=2").status == 404


def test_validation_stores_nothing(server: Server) -> None:
    assert server.call("POST", "/api/metadata/workflow/validate", workflow("only_checked")).status == 200
    assert server.call("GET", "/api/metadata/workflow/only_checked").status == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "where"),
    [
        ("POST", "/api/metadata/taskdefs", [{"name": ""}], "registerTaskDef.arg0[0].name"),
        ("PUT", "/api/metadata/taskdefs", {"name": "x", "retryCount": -1}, "updateTaskDef.arg0.retryCount"),
        (
            "POST",
            "/api/metadata/workflow",
            {"name": "x", "schemaVersion": 2, "tasks": []},
            "registerWorkflowDef.arg0",
        ),
        ("POST", "/api/metadata/workflow/validate", {"tasks": [simple("t")]}, "validateWorkflowDef.arg0"),
    ],
)
def test_an_invalid_definition_says_where(
    server: Server, method: str, path: str, body: object, where: str
) -> None:
    """Rest-api 2.2: 400, details in validationErrors, no instance."""
    answer = server.call(method, path, body)
    assert answer.status == 400
    error = answer.json()
    assert (error["status"], error["retryable"], "instance" in error) == (400, False, False)
    assert any(each["path"].startswith(where) for each in error["validationErrors"]), error


def test_a_literal_path_wins_over_a_name(server: Server) -> None:
    """Rest-api 1: a definition called "names" is hidden by the list of names."""
    assert server.call("POST", "/api/metadata/workflow", workflow("names")).status == 200
    assert isinstance(server.call("GET", "/api/metadata/workflow/names").json(), list)


@pytest.mark.parametrize(
    ("encoded", "name"), [("a%20b", "a b"), ("a+b", "a+b"), ("a%2Fb", "a/b"), ("%C3%A9", "é")]
)
def test_names_survive_the_path(server: Server, encoded: str, name: str) -> None:
    """Client rule 5."""
    assert server.call("POST", "/api/metadata/taskdefs", [{"name": name}]).status == 200
    assert server.call("GET", f"/api/metadata/taskdefs/{encoded}").json()["name"] == name


@pytest.mark.parametrize("body", [b"", b"{}", b"null"])
def test_routes_without_a_body_take_what_clients_send(server: Server, body: bytes) -> None:
    """Client rule 3."""
    answer = server.call("DELETE", "/api/metadata/taskdefs/nobody", body)
    assert answer.status == 404
    assert server.call("GET", "/api/metadata/taskdefs", body).status == 200
