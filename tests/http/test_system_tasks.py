"""Task types that the server runs itself, through the whole server (S-39, S-40, S-43, S-44)."""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.conftest import running
from tests.http.calls import define, ended, read, start

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Server

# Each takes what the interpreter itself has no bound for: time, stack, memory.
BOMBS = {
    "time": "last(range(1e12))",
    "list": "[range(1e12)]",
    "stack": "def f: 1 + f; f",
    "memory": '"x" * 10000000000',
}
VICTIM_S_MAX = 2.0


def _step(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"name": "step", "taskReferenceName": "step", "type": kind, "inputParameters": inputs}


@pytest.fixture(scope="module")
def with_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("database")
    connection = sqlite3.connect(folder / "shop.db")
    connection.execute("CREATE TABLE item (id INTEGER, name TEXT)")
    connection.execute("INSERT INTO item VALUES (1, 'pen')")
    connection.commit()
    connection.close()
    env = {"FASTCOND_JDBC": f"shop=sqlite://{folder / 'shop.db'}"}
    with running(folder / "data", env=env) as server:
        yield server


def test_a_jq_filter_runs_in_the_script_process(server: Server) -> None:
    """S-39.1; numbers keep their digits."""
    define(
        server,
        "jq",
        [_step("JSON_JQ_TRANSFORM", queryExpression=".list[] | .n", list="${workflow.input.list}")],
    )
    execution = read(server, start(server, "jq", {"list": [{"n": 12345678901234567890}, {"n": 2.50}]}))
    assert execution["status"] == "COMPLETED"
    assert execution["output"] == {"result": 12345678901234567890, "resultList": [12345678901234567890, 2.5]}


def test_filters_that_do_not_end_are_ended_and_others_are_served(server: Server) -> None:
    """S-39.2, H15 to H19: out of time, stack or memory is a failure, and nobody else notices."""
    for name, bomb in BOMBS.items():
        define(server, f"jq_{name}", [_step("JSON_JQ_TRANSFORM", queryExpression=bomb)])
        began = time.monotonic()
        execution = read(server, start(server, f"jq_{name}"))
        assert time.monotonic() - began < VICTIM_S_MAX, name
        assert execution["status"] == "FAILED", name
        assert execution["tasks"][0]["reasonForIncompletion"], name
        began = time.monotonic()
        assert server.call("GET", "/health").status == 200
        assert time.monotonic() - began < VICTIM_S_MAX, name


def test_kafka_without_an_adapter_fails_with_its_reason(server: Server) -> None:
    """S-40.2."""
    request = {"bootStrapServers": "localhost:9092", "topic": "t", "value": 1}
    define(server, "kafka", [_step("KAFKA_PUBLISH", kafka_request=request)])
    execution = ended(server, start(server, "kafka"))
    assert (execution["status"], execution["tasks"][0]["status"]) == ("FAILED", "FAILED")
    assert "no adapter for Kafka" in execution["tasks"][0]["reasonForIncompletion"]


def test_jdbc_without_a_configured_database_fails_for_good(server: Server) -> None:
    """S-43.1."""
    define(server, "jdbc", [_step("JDBC", connectionId="shop", statement="SELECT 1")])
    (task,) = ended(server, start(server, "jdbc"))["tasks"]
    assert task["status"] == "FAILED_WITH_TERMINAL_ERROR"
    assert "no connection shop is configured" in task["reasonForIncompletion"]


def test_jdbc_reads_the_configured_database(with_database: Server) -> None:
    """S-43.1, S-8.16."""
    select = _step(
        "JDBC",
        connectionId="shop",
        statement="SELECT * FROM item WHERE id = ?",
        parameters=["${workflow.input.id}"],
    )
    define(with_database, "jdbc", [select])
    execution = ended(with_database, start(with_database, "jdbc", {"id": 1}))
    assert execution["output"] == {"result": [{"id": 1, "name": "pen"}]}
