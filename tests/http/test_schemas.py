"""Payloads against the JSON Schemas of their definitions (S-92.6, S-8.19, S-2.8)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tests.http.calls import define, ended, finish, poll, read, simple, start

if TYPE_CHECKING:
    from tests.conftest import Server

NUMBER: dict[str, Any] = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
# A reference to itself ends at once; one that doubles at every level does not end.
ITSELF = {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}
DOUBLED: dict[str, Any] = {
    "$ref": "#/$defs/s0",
    "$defs": {
        f"s{n}": {"allOf": [{"$ref": f"#/$defs/s{n + 1}"}, {"$ref": f"#/$defs/s{n + 1}"}]} for n in range(40)
    }
    | {"s40": {"not": {"minProperties": 99}}},
}
VICTIM_S_MAX = 5.0


def _schema(data: object) -> dict[str, Any]:
    return {"name": "n", "version": 1, "type": "JSON", "data": data}


def _define_task(server: Server, name: str, **fields: Any) -> None:
    task = {"name": name, "retryCount": 2, "enforceSchema": True, **fields}
    assert server.call("POST", "/api/metadata/taskdefs", [task]).status == 200


def test_a_start_whose_input_breaks_the_schema_is_refused(server: Server) -> None:
    """S-92.6, S-2.8: enforced unless the definition says otherwise; nothing is left behind."""
    define(server, "typed", [simple("typed_task")], inputSchema=_schema(NUMBER))
    answer = server.call("POST", "/api/workflow", {"name": "typed", "input": {"n": "hunter2"}})
    assert answer.status == 400
    assert "/n: " in answer.json()["message"]
    assert "hunter2" not in answer.json()["message"]
    assert server.call("GET", "/api/workflow/running/typed").json() == []
    assert read(server, start(server, "typed", {"n": 1}))["status"] == "RUNNING"
    lines = b'{"name": "typed", "input": {}}\n{"name": "typed", "input": {"n": 2}}'
    headers = {"Content-Type": "application/x-ndjson"}
    both = server.call("POST", "/api/workflow/bulk/start", lines, headers=headers).body.splitlines()
    assert b'"status":400' in both[0].replace(b" ", b"")
    assert b"workflowId" in both[1]


def test_a_schema_that_is_not_enforced_is_stored_only(server: Server) -> None:
    """S-8.19, S-92.6: switched off, only named, or of another kind."""
    for name, fields in (
        ("lax", {"enforceSchema": False, "inputSchema": _schema(NUMBER)}),
        ("named", {"inputSchema": {"name": "n", "version": 1, "type": "JSON"}}),
        ("avro", {"inputSchema": {"name": "n", "type": "AVRO", "data": NUMBER}}),
    ):
        define(server, name, [simple(f"{name}_task")], **fields)
        assert read(server, start(server, name, {}))["status"] == "RUNNING"


def test_input_and_output_of_a_task_are_held_to_its_schemas(server: Server) -> None:
    """S-92.6: it fails for good, whatever retries it has, and the violations are its reason."""
    given = {"n": "${workflow.input.n}"}
    define(server, "checked", [simple("checked_task", inputParameters=given)])
    _define_task(server, "checked_task", inputSchema=_schema(NUMBER), outputSchema=_schema(NUMBER))
    execution = read(server, start(server, "checked", {"n": "one"}))
    (task,) = execution["tasks"]
    assert (execution["status"], task["status"]) == ("FAILED", "FAILED_WITH_TERMINAL_ERROR")
    assert "input of the task does not follow its schema: /n: " in task["reasonForIncompletion"]
    workflow_id = start(server, "checked", {"n": 1})
    finish(server, poll(server, "checked_task"), outputData={"n": 1.5})
    execution = read(server, workflow_id)
    (task,) = execution["tasks"]
    assert (execution["status"], task["status"]) == ("FAILED", "FAILED_WITH_TERMINAL_ERROR")
    assert task["outputData"] == {"n": 1.5}
    assert "output of the task does not follow its schema: /n: " in task["reasonForIncompletion"]
    workflow_id = start(server, "checked", {"n": 1})
    finish(server, poll(server, "checked_task"), outputData={"n": 2})
    assert read(server, workflow_id)["status"] == "COMPLETED"


def test_output_of_a_task_the_server_runs_is_held_to_its_schema(server: Server) -> None:
    """S-92.6."""
    inline = {"name": "sum", "taskReferenceName": "sum", "type": "INLINE"}
    inline["inputParameters"] = {"evaluatorType": "javascript", "expression": "'a' + 'b'"}  # type: ignore[assignment]
    _define_task(server, "sum", outputSchema=_schema({"properties": {"result": {"type": "number"}}}))
    define(server, "summed", [inline])
    execution = read(server, start(server, "summed"))
    assert execution["tasks"][0]["status"] == "FAILED_WITH_TERMINAL_ERROR"
    assert execution["status"] == "FAILED"


def test_a_workflow_whose_output_breaks_its_schema_fails(server: Server) -> None:
    """S-92.6; its failure workflow runs as for any failure."""
    define(server, "sorry_schema", [simple("sorry_schema_task")])
    define(server, "promised", [simple("promised_task")], outputSchema=_schema(NUMBER),
           failureWorkflow="sorry_schema")  # fmt: skip
    workflow_id = start(server, "promised")
    finish(server, poll(server, "promised_task"), outputData={"m": 1})
    execution = read(server, workflow_id)
    assert (execution["status"], execution["tasks"][0]["status"]) == ("FAILED", "COMPLETED")
    assert "output of the workflow does not follow its schema" in execution["reasonForIncompletion"]
    assert execution["output"]["conductor.failure_workflow"]


def test_a_child_whose_input_breaks_its_schema_fails_and_so_does_its_parent(server: Server) -> None:
    """S-92.6, S-30.9."""
    define(server, "typed_child", [simple("typed_child_task")], inputSchema=_schema(NUMBER))
    child = {"name": "typed_child", "taskReferenceName": "c", "type": "SUB_WORKFLOW"}
    child["subWorkflowParam"] = {"name": "typed_child", "version": 1}  # type: ignore[assignment]
    define(server, "typed_parent", [child])
    execution = ended(server, start(server, "typed_parent"))
    (task,) = execution["tasks"]
    assert (execution["status"], task["status"]) == ("FAILED", "FAILED")
    assert "does not follow its schema" in task["reasonForIncompletion"]


def test_a_rerun_or_restart_cannot_bring_in_what_a_start_may_not(server: Server) -> None:
    """S-92.6, S-62.1, S-63.6."""
    define(server, "again", [simple("again_task")])
    workflow_id = start(server, "again", {"n": "x"})
    finish(server, poll(server, "again_task"), "FAILED_WITH_TERMINAL_ERROR")
    define(server, "again", [simple("again_task")], inputSchema=_schema(NUMBER))
    path = f"/api/workflow/{workflow_id}"
    assert server.call("POST", f"{path}/restart?useLatestDefinitions=true").status == 400
    assert read(server, workflow_id)["status"] == "FAILED"
    typed_id = start(server, "again", {"n": 1})
    finish(server, poll(server, "again_task"), "FAILED_WITH_TERMINAL_ERROR")
    rerun = {"workflowInput": {"n": "x"}}
    assert server.call("POST", f"/api/workflow/{typed_id}/rerun", rerun).status == 400
    assert read(server, typed_id)["status"] == "FAILED"


def test_a_schema_that_cannot_be_used_is_refused_at_registration(server: Server) -> None:
    """S-92.6, S-2.12: nothing outside of it is fetched."""
    for data in ({"type": "text"}, {"$ref": "http://127.0.0.1:9/s.json"}, {"pattern": "("}):
        definition = {"name": "bad", "tasks": [simple("bad_task")], "inputSchema": _schema(data)}
        answer = server.call("POST", "/api/metadata/workflow", definition)
        assert answer.status == 400, data
        (error,) = answer.json()["validationErrors"]
        assert "inputSchema" in error["path"]
        assert error["message"].startswith("the schema cannot be used"), data
        task = {"name": "bad_task", "enforceSchema": True, "outputSchema": _schema(data)}
        assert server.call("POST", "/api/metadata/taskdefs", [task]).status == 400


def test_a_schema_that_does_not_end_is_ended_and_others_are_served(server: Server) -> None:
    """S-92.6, H15 to H19: such a schema lets nothing pass, and nobody else notices."""
    for name, data, ends_as in (("itself", ITSELF, "RUNNING"), ("doubled", DOUBLED, "FAILED")):
        task = {"name": "endless_task", "enforceSchema": True, "inputSchema": _schema(data)}
        definition = {"name": name, "tasks": [simple("endless_task", taskDefinition=task)]}
        began = time.monotonic()
        answer = server.call("POST", "/api/workflow", {"name": name, "workflowDef": definition, "input": {}})
        assert answer.status == 200, name
        assert time.monotonic() - began < VICTIM_S_MAX, name
        execution = read(server, answer.body.decode())
        assert execution["status"] == ends_as, name
        assert server.call("GET", "/health").status == 200
    assert "could not be validated" in execution["tasks"][0]["reasonForIncompletion"]
