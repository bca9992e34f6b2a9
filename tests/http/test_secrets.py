"""Secrets and environment: handed to whoever runs a task, and to nobody else (S-8.20 to S-8.22, G22)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.conftest import running
from tests.http.calls import define, finish, poll, read, simple, start

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Server

SECRET = "hunter2-of-the-tests"
ENV = {
    "CONDUCTOR_SECRET_KEY": SECRET,
    "CONDUCTOR_SECRET_DB": '{"user": "u", "port": 5432}',
    "CONDUCTOR_ENV_REGION": "eu-1",
}


@pytest.fixture(scope="module")
def keeper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that has secrets."""
    pytest.importorskip("fastcond._core", reason="the compiled core is not built (make build)")
    with running(tmp_path_factory.mktemp("secrets") / "data", env=ENV) as server:
        yield server


def _files(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_a_worker_gets_secrets_that_nobody_can_read_afterwards(keeper: Server) -> None:
    """S-8.20, G22: not in reads, not in the store, not in the log, not in an error text."""
    given = {
        "key": "${workflow.secrets.KEY}",
        "port": "${workflow.secrets.DB.port}",
        "header": "Bearer ${workflow.secrets.KEY}, ${workflow.secrets.NONE}.",
        "none": "${workflow.secrets.NONE}",
        "region": "${workflow.env.REGION}",
    }
    define(keeper, "secret", [simple("secret_task", inputParameters=given)])
    workflow_id = start(keeper, "secret")
    task = poll(keeper, "secret_task")
    assert task["inputData"] == {
        "key": SECRET,
        "port": 5432,
        "header": f"Bearer {SECRET}, .",
        "none": None,
        "region": "eu-1",
    }
    finish(
        keeper,
        task,
        "FAILED",
        reasonForIncompletion=f"GET /?key={SECRET} was refused",
        logs=[{"log": f"asked with {SECRET}"}],
    )
    (stored,) = read(keeper, workflow_id)["tasks"]
    assert stored["inputData"] == given | {"region": "eu-1"}
    assert stored["reasonForIncompletion"] == "GET /?key=*** was refused"
    (line,) = keeper.call("GET", f"/api/tasks/{task['taskId']}/log").json()
    assert line["log"] == "asked with ***"
    assert keeper.call("GET", f"/api/tasks/{task['taskId']}").json()["inputData"]["key"] == given["key"]
    assert keeper.call("GET", "/api/workflow/search?freeText=*").status == 200
    assert SECRET.encode() not in _files(keeper.data_dir)
    assert SECRET not in "".join(keeper.log)


def test_an_update_of_state_is_redacted_like_a_report(keeper: Server) -> None:
    """S-64.3, G22: a reason and log lines that quote a secret lose it, whichever door they come through."""
    define(keeper, "state_secret", [simple("state_secret_task")])
    workflow_id = start(keeper, "state_secret")
    task = poll(keeper, "state_secret_task")
    result = {
        "taskId": task["taskId"],
        "workflowInstanceId": workflow_id,
        "status": "FAILED_WITH_TERMINAL_ERROR",
        "reasonForIncompletion": f"{SECRET} was refused",
        "logs": [{"log": f"asked with {SECRET}"}],
    }
    update = {"taskReferenceName": "state_secret_task", "taskResult": result}
    assert keeper.call("POST", f"/api/workflow/{workflow_id}/state", update).status == 200
    (stored,) = read(keeper, workflow_id)["tasks"]
    assert stored["reasonForIncompletion"] == "*** was refused"
    (line,) = keeper.call("GET", f"/api/tasks/{task['taskId']}/log").json()
    assert line["log"] == "asked with ***"


def test_references_travel_literally_to_variables_and_children(keeper: Server) -> None:
    """S-8.21 Do."""
    inner = simple("inner_task", inputParameters={"key": "${workflow.input.key}"})
    define(keeper, "inner", [inner])
    reference = {"key": "${workflow.secrets.KEY}"}
    store: dict[str, Any] = {"name": "v", "taskReferenceName": "v", "type": "SET_VARIABLE"}
    store["inputParameters"] = reference
    child: dict[str, Any] = {"name": "inner", "taskReferenceName": "c", "type": "SUB_WORKFLOW"}
    child |= {"inputParameters": {"key": "${workflow.variables.key}"}, "subWorkflowParam": {"name": "inner"}}
    define(keeper, "outer", [store, child])
    workflow_id = start(keeper, "outer")
    task = poll(keeper, "inner_task")
    assert task["inputData"] == {"key": SECRET}
    assert read(keeper, workflow_id)["variables"] == reference
    assert read(keeper, task["workflowInstanceId"])["input"] == reference


def test_what_the_server_runs_sees_secrets_too(keeper: Server) -> None:
    """S-8.20."""
    inline: dict[str, Any] = {"name": "i", "taskReferenceName": "i", "type": "INLINE"}
    inline["inputParameters"] = {"expression": "$.key.length", "key": "${workflow.secrets.KEY}"}
    define(keeper, "inline_secret", [inline])
    execution = read(keeper, start(keeper, "inline_secret"))
    assert execution["output"] == {"result": len(SECRET)}
    assert execution["tasks"][0]["inputData"]["key"] == "${workflow.secrets.KEY}"


def test_runtime_metadata_is_there_for_the_worker_alone(keeper: Server) -> None:
    """S-8.22: secrets before the environment, what there is not is left out."""
    define(keeper, "metadata", [simple("metadata_task")])
    task_def = {"name": "metadata_task", "runtimeMetadata": ["KEY", "REGION", "NONE"]}
    assert keeper.call("POST", "/api/metadata/taskdefs", [task_def]).status == 200
    workflow_id = start(keeper, "metadata")
    assert poll(keeper, "metadata_task")["runtimeMetadata"] == {"KEY": SECRET, "REGION": "eu-1"}
    assert "runtimeMetadata" not in read(keeper, workflow_id)["tasks"][0]


def test_the_environment_can_be_listed_and_of_secrets_the_names(keeper: Server) -> None:
    assert keeper.call("GET", "/api/environment").json() == [{"name": "REGION", "value": "eu-1"}]
    assert keeper.call("GET", "/api/environment/REGION").body == b"eu-1"
    nothing = keeper.call("GET", "/api/environment/NONE")
    assert (nothing.status, nothing.body) == (200, b"")
    assert keeper.call("GET", "/api/secrets").json() == ["DB", "KEY"]
    assert keeper.call("GET", "/api/secrets/KEY").status == 404
    assert keeper.call("PUT", "/api/environment/REGION", b"x").status == 405
