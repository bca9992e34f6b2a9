"""The JDBC task against real databases: SQLite files, and PostgreSQL where it is installed (S-43)."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import shutil
import sqlite3
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from fastcond.config import WorkersConfig, load
from fastcond.errors import ConfigError
from fastcond.workers.databases import as_percent
from fastcond.workers.jdbc import JdbcTask
from fastcond.workers.port import Result, Work, read_json, write_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TABLE = "CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, price NUMERIC, seen BOOLEAN)"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as connection:
        connection.execute(TABLE)
        connection.execute("INSERT INTO item VALUES (1, 'pen', 1.5, 1), (2, 'ink', NULL, 0)")
    connection.close()
    return path


def run(url: str, task_input: dict[str, Any], **limits: Any) -> Result:
    config = WorkersConfig(jdbc=f"other=sqlite:none shop={url}", **limits)
    work = Work("t", "w", "JDBC", {"connectionId": "shop", **read_json(json.dumps(task_input))})
    return asyncio.run(JdbcTask(config).run(work))


def output(result: Result) -> Any:
    assert result.outcome == "COMPLETED", result.reason
    return json.loads(write_json(result.output))


def test_a_select_gives_a_map_per_row(file: Path) -> None:
    """S-43.1."""
    select = {"type": "SELECT", "statement": "SELECT id, name, price FROM item WHERE id >= ? ORDER BY id"}
    rows = output(run(f"sqlite://{file}", {**select, "parameters": [1]}))
    assert rows == {
        "result": [{"id": 1, "name": "pen", "price": 1.5}, {"id": 2, "name": "ink", "price": None}]
    }
    odd = {"statement": "SELECT x'00ff' AS b, 9223372036854775807 AS big, ? AS t", "parameters": [{"a": 1.5}]}
    (row,) = output(run(f"sqlite:{file}", odd))["result"]
    assert row == {"b": "00ff", "big": 9223372036854775807, "t": '{"a":1.5}'}


def test_an_update_gives_its_count_and_is_kept(file: Path) -> None:
    """S-43.1."""
    update = {"type": "UPDATE", "statement": "UPDATE item SET name = ?", "parameters": ["new"]}
    assert output(run(f"sqlite://{file}", {**update, "expectedUpdateCount": 2})) == {"update_count": 2}
    names = output(run(f"sqlite://{file}", {"statement": "SELECT DISTINCT name FROM item"}))
    assert names == {"result": [{"name": "new"}]}


def test_an_unexpected_count_is_rolled_back(file: Path) -> None:
    """S-43.1."""
    delete = {"type": "UPDATE", "statement": "DELETE FROM item", "expectedUpdateCount": 1}
    result = run(f"sqlite://{file}", delete)
    assert result.outcome == "FAILED"
    assert "2 rows were updated, 1 were expected" in (result.reason or "")
    assert output(run(f"sqlite://{file}", {"statement": "SELECT count(*) AS n FROM item"})) == {
        "result": [{"n": 2}]
    }


@pytest.mark.parametrize(
    ("task_input", "outcome", "word"),
    [
        ({"statement": " "}, "FAILED_WITH_TERMINAL_ERROR", "no statement"),
        ({"statement": "SELECT 1", "connectionId": None}, "FAILED_WITH_TERMINAL_ERROR", "no connectionId"),
        ({"statement": "SELECT 1", "connectionId": "what"}, "FAILED_WITH_TERMINAL_ERROR", "what"),
        ({"statement": "x", "type": "PROCEDURE"}, "FAILED", "PROCEDURE"),
        ({"statement": "SELECT x FROM nowhere"}, "FAILED", "nowhere"),
        ({"statement": "DELETE FROM item"}, "FAILED", "no rows"),
        ({"statement": "SELECT ?", "parameters": {}}, "FAILED", "parameters"),
        ({"statement": "SELECT ?", "parameters": []}, "FAILED", "bindings"),
        ({"statement": "SELECT 1", "connectionId": "other"}, "FAILED", "unable to open"),
    ],
)
def test_what_cannot_be_done_says_why(
    file: Path, task_input: dict[str, Any], outcome: str, word: str
) -> None:
    """S-43.1: no statement or no data source fails for good, everything else may be tried again."""
    result = run(f"sqlite://{file}", task_input)
    assert (result.outcome, result.output) == (outcome, {})
    assert word in (result.reason or "")


def test_a_source_may_be_named_by_its_older_keys(file: Path) -> None:
    """S-43.1: integrationName, schemaName."""
    for key in ("integrationName", "schemaName"):
        found = run(f"sqlite://{file}", {"connectionId": None, key: "shop", "statement": "SELECT 1 AS n"})
        assert output(found) == {"result": [{"n": 1}]}


@pytest.mark.parametrize(
    "statement",
    [
        "ATTACH DATABASE 'stolen.db' AS s",
        "VACUUM INTO 'copy.db'",
        "PRAGMA journal_mode = OFF",
        "SELECT load_extension('libc.so.6')",
        "COMMIT",
        "SAVEPOINT s",
        "SELECT 1; DELETE FROM item",
    ],
)
def test_a_statement_reaches_nothing_but_the_tables(
    file: Path, statement: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """G22: a definition's author has no hold on the machine."""
    monkeypatch.chdir(file.parent)
    for kind in ("SELECT", "UPDATE"):
        assert run(f"sqlite://{file}", {"type": kind, "statement": statement}).outcome == "FAILED"
    assert [path.name for path in file.parent.iterdir()] == ["shop.db"]


def test_a_statement_has_a_time_and_a_size(file: Path) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    began = time.monotonic()
    slow = run(f"sqlite://{file}", {"statement": endless}, jdbc_statement_s_max=0.2)
    assert slow.outcome == "FAILED"
    assert "interrupted" in (slow.reason or "")
    assert time.monotonic() - began < 10
    rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {}) SELECT i FROM n"
    assert len(output(run(f"sqlite://{file}", {"statement": rows.format(10_000)}))["result"]) == 10_000
    assert "more than" in (run(f"sqlite://{file}", {"statement": rows.format(10_001)}).reason or "")
    wide = run(f"sqlite://{file}", {"statement": "SELECT 'xxxxxxxxxx'"}, http_response_bytes_max=20)
    assert "more than" in (wide.reason or "")


def test_placeholders_are_written_as_the_driver_reads_them() -> None:
    assert as_percent("SELECT ? FROM t WHERE a = ?") == "SELECT %s FROM t WHERE a = %s"
    assert as_percent("a LIKE '%?''' AND \"c?\" = ?") == "a LIKE '%%?''' AND \"c?\" = %s"
    assert as_percent("a -- ?\n= ? /* ? */ % ?") == "a -- ?\n= %s /* ? */ %% %s"
    assert as_percent("'open ?") == "'open ?"


def test_a_setting_that_names_no_database_stops_the_start(tmp_path: Path) -> None:
    for value in ("shop", "=sqlite:x", "shop=mysql://u:secret@h/d"):
        with pytest.raises(ConfigError, match=r"workers\.jdbc") as refusal:
            load({}, environ={"FASTCOND_JDBC": value}, folder=tmp_path)
        assert "secret" not in str(refusal.value)
    config = load({}, environ={"FASTCOND_JDBC": "a=sqlite:x b=postgres://h/d"}, folder=tmp_path).config
    assert config.workers.jdbc == "a=sqlite:x b=postgres://h/d"


@pytest.mark.skipif(importlib.util.find_spec("psycopg") is not None, reason="psycopg is installed")
def test_postgresql_without_its_driver_says_what_to_install() -> None:
    result = run("postgresql://localhost/shop", {"statement": "SELECT 1"})
    assert result.outcome == "FAILED_WITH_TERMINAL_ERROR"
    assert "psycopg" in (result.reason or "")


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[str]:
    """A server of our own on a socket in the test's folder."""
    if importlib.util.find_spec("psycopg") is None or shutil.which("initdb") is None or os.geteuid() == 0:
        pytest.skip("needs the package psycopg, a PostgreSQL server to start, and a user who is not root")
    data, options = tmp_path / "data", f"-c listen_addresses='' -c unix_socket_directories={tmp_path}"
    subprocess.run(["initdb", "-D", data, "-U", "me", "--auth=trust", "-N"], check=True, stdout=-3)
    start: list[str | Path] = ["pg_ctl", "-D", data, "-w", "-l", tmp_path / "log", "-o", options, "start"]
    subprocess.run(start, check=True, stdout=-3)
    yield f"postgresql://me@/postgres?host={tmp_path}"
    subprocess.run(["pg_ctl", "-D", data, "-m", "immediate", "stop"], check=True, stdout=-3)


def test_postgresql_does_the_same(postgres: str) -> None:
    """S-43.1."""
    for statement in (TABLE, "INSERT INTO item VALUES (1, '100%?', 1.50, true)"):
        assert run(postgres, {"type": "UPDATE", "statement": statement}).outcome == "COMPLETED"
    select = {"statement": "SELECT *, DATE '2026-01-02' AS d FROM item WHERE id = ?", "parameters": [1]}
    assert write_json(run(postgres, select).output) == (
        b'{"result":[{"id":1,"name":"100%?","price":1.50,"seen":true,"d":"2026-01-02"}]}'
    )
    assert run(
        postgres, {"type": "UPDATE", "statement": "DELETE FROM item", "expectedUpdateCount": 3}
    ).outcome == ("FAILED")
    assert output(run(postgres, {"statement": "SELECT count(*) AS n FROM item"})) == {"result": [{"n": 1}]}
    slow = run(postgres, {"statement": "SELECT pg_sleep(60)"}, jdbc_statement_s_max=0.3)
    assert "timeout" in (slow.reason or "")
