"""External payloads: uploaded here, read back for deciding, shown as a path (S-91.3, S-91.4, G25)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import pytest
from tests.conftest import running
from tests.http.calls import define, finish, poll, read, simple, start

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Server

ESCAPES = ("../identity", "..%2Fidentity", "/etc/passwd", "..", ".", ".hidden", "a/../../identity", "a\\b",
           "a\x00b", "x" * 201)  # fmt: skip


def _location(server: Server, path: str = "", operation: str = "WRITE", kind: str = "WORKFLOW_INPUT") -> Any:
    query = urlencode({"path": path, "operation": operation, "payloadType": kind})
    return server.call("GET", f"/api/workflow/externalstoragelocation?{query}")


def _upload(server: Server, payload: object, kind: str = "WORKFLOW_INPUT") -> str:
    location = _location(server, kind=kind).json()
    assert location["uri"].startswith(server.url)
    answer = server.call("PUT", urlsplit(location["uri"]).path, payload)
    assert (answer.status, answer.body) == (200, b"")
    path: str = location["path"]
    return path


def test_a_payload_comes_back_as_it_was_uploaded(server: Server) -> None:
    path = _upload(server, {"a": 1})
    for resource in ("workflow", "tasks"):
        for word in ("externalstoragelocation", "external-storage-location"):
            query = urlencode({"path": path, "operation": "read", "payloadType": "task_output"})
            answer = server.call("GET", f"/api/{resource}/{word}?{query}")
            assert answer.json() == {"uri": f"{server.url}/api/external/postgres/{path}", "path": path}
    assert server.call("GET", f"/api/external/postgres/{path}").json() == {"a": 1}
    assert server.call("GET", "/api/external/postgres/nothing.json").status == 404


def test_a_location_is_asked_for_with_the_contracts_words(server: Server) -> None:
    assert _location(server, operation="COPY").status == 400
    assert _location(server, kind="LOG").status == 400
    assert _location(server, operation="READ").status == 400
    assert server.call("GET", "/api/workflow/externalstoragelocation?operation=READ").status == 400


def test_what_is_no_payload_is_not_taken(server: Server) -> None:
    path = urlsplit(_location(server).json()["uri"]).path
    assert server.call("PUT", path, b"[1]").status == 400
    assert server.call("PUT", path, b"{").status == 400
    assert server.call("GET", path).status == 404


def test_an_external_input_is_decided_on_and_shown_as_its_path(server: Server) -> None:
    """S-91.3: reads show an empty map and the path, expressions see the content."""
    define(server, "external", [simple("external_task", inputParameters={"n": "${workflow.input.n}"})])
    path = _upload(server, {"n": 7})
    request = {"name": "external", "externalInputPayloadStoragePath": path, "input": None}
    workflow_id = server.call("POST", "/api/workflow", request).body.decode()
    assert poll(server, "external_task")["inputData"] == {"n": 7}
    execution = read(server, workflow_id)
    assert (execution["input"], execution["externalInputPayloadStoragePath"]) == ({}, path)


def test_an_external_output_is_merged_with_what_is_in_line(server: Server) -> None:
    """S-91.4, S-52.5: new keys win, also those of a later report."""
    given = {"all": "${external_out.output}"}
    define(server, "external_end", [simple("external_out")], outputParameters=given)
    workflow_id = start(server, "external_end")
    path = _upload(server, {"a": 1, "b": 1, "c": 1}, "TASK_OUTPUT")
    outside = {"externalOutputPayloadStoragePath": path}
    finish(server, poll(server, "external_out"), "IN_PROGRESS", outputData={"b": 2}, **outside)
    again = poll(server, "external_out")
    assert (again["outputData"], again["externalOutputPayloadStoragePath"]) == ({}, path)
    finish(server, again, outputData={"c": 3})
    execution = read(server, workflow_id)
    (task,) = execution["tasks"]
    assert (task["outputData"], task["externalOutputPayloadStoragePath"]) == ({}, path)
    assert execution["output"] == {"all": {"a": 1, "b": 2, "c": 3}}


def test_an_update_of_state_may_name_an_output_outside(server: Server) -> None:
    """S-64.3, S-91.4: the content is read, as it is for a report."""
    define(server, "state_out", [simple("state_out")], outputParameters={"all": "${state_out.output}"})
    workflow_id = start(server, "state_out")
    path = _upload(server, {"a": 1, "b": 1}, "TASK_OUTPUT")
    result = {"status": "COMPLETED", "outputData": {"b": 2}, "externalOutputPayloadStoragePath": path}
    update = {"taskReferenceName": "state_out", "taskResult": result}
    assert server.call("POST", f"/api/workflow/{workflow_id}/state", update).status == 200
    assert read(server, workflow_id)["output"] == {"all": {"a": 1, "b": 2}}


def test_a_path_without_a_payload_ends_in_a_reason(server: Server) -> None:
    """S-91.3, G20: a start is refused, a task fails for good."""
    define(server, "nowhere", [simple("nowhere_task")])
    request = {"name": "nowhere", "externalInputPayloadStoragePath": "nowhere.json"}
    answer = server.call("POST", "/api/workflow", request)
    assert answer.status == 400
    assert "nowhere.json" in answer.json()["message"]
    workflow_id = start(server, "nowhere")
    finish(server, poll(server, "nowhere_task"), externalOutputPayloadStoragePath="nowhere.json")
    execution = read(server, workflow_id)
    (task,) = execution["tasks"]
    assert (execution["status"], task["status"]) == ("FAILED", "FAILED_WITH_TERMINAL_ERROR")
    assert "nowhere.json" in task["reasonForIncompletion"]


def test_payload_path_cannot_escape(server: Server) -> None:
    """G25: no path leads out of the folder, whatever door it comes through."""
    define(server, "escape", [simple("escape_task")])
    workflow_id = start(server, "escape")
    before = sorted(path for path in server.data_dir.iterdir())
    for path in ESCAPES:
        for operation in ("READ", "WRITE"):
            assert _location(server, path, operation).status == 400, path
        quoted = urlencode({"": path})[1:].replace("+", "%20")
        for method, body in (("GET", None), ("PUT", {"a": 1})):
            answer = server.call(method, f"/api/external/postgres/{quoted}", body)
            assert answer.status in {400, 404, 405}, (method, path)
        request = {"name": "escape", "externalInputPayloadStoragePath": path}
        assert server.call("POST", "/api/workflow", request).status == 400, path
    finish(server, poll(server, "escape_task"), externalOutputPayloadStoragePath="../identity")
    assert read(server, workflow_id)["tasks"][0]["status"] == "FAILED_WITH_TERMINAL_ERROR"
    assert {path.name for path in server.data_dir.iterdir()} - {path.name for path in before} <= {"payloads"}


@pytest.mark.usefixtures("core")
def test_secrets_resolve_in_external_input(tmp_path: Path) -> None:
    """S-8.20 with its flaw mended, G22: as in any other input."""
    with running(tmp_path / "data", env={"CONDUCTOR_SECRET_KEY": "hunter2"}) as server:
        given = {"key": "${workflow.input.key}", "own": "${workflow.secrets.KEY}"}
        define(server, "outside", [simple("outside_task", inputParameters=given)])
        path = _upload(server, {"key": "${workflow.secrets.KEY}"})
        request = {"name": "outside", "externalInputPayloadStoragePath": path}
        assert server.call("POST", "/api/workflow", request).status == 200
        assert poll(server, "outside_task")["inputData"] == {"key": "hunter2", "own": "hunter2"}


@pytest.mark.usefixtures("core")
def test_external_payloads_are_still_there_after_a_restart(tmp_path: Path) -> None:
    """S-91.3: the content is part of the record, the file lies in the data folder."""
    with running(tmp_path / "data") as server:
        define(server, "kept", [simple("kept_task", inputParameters={"n": "${workflow.input.n}"})])
        path = _upload(server, {"n": 7})
        request = {"name": "kept", "externalInputPayloadStoragePath": path}
        workflow_id = server.call("POST", "/api/workflow", request).body.decode()
    with running(tmp_path / "data") as server:
        assert server.call("GET", f"/api/external/postgres/{path}").json() == {"n": 7}
        assert read(server, workflow_id)["input"] == {}
        assert poll(server, "kept_task")["inputData"] == {"n": 7}
