"""The JDBC task: one SQL statement against a database that the operator has configured (S-43).

A connection is a name in the setting `workers.jdbc` with the URL of a database: `sqlite:///folder/file.db`
or `postgresql://user:password@host/name` (which needs the package psycopg). What a definition cannot do is
name a database itself. Statements run in threads, each on a connection of its own, bounded in time, rows
and bytes; whatever is not committed when they end is rolled back.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import decimal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastcond.workers.databases import Unreachable, database_of
from fastcond.workers.port import Number, Result, whole_number, write_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fastcond.config import WorkersConfig
    from fastcond.workers.databases import Cursor
    from fastcond.workers.port import Work

PREFIX = "Failed to execute JDBC task due to: "
_REASON_CHARS_MAX = 500
_ROWS_MAX = 10_000
_ROWS_AT_ONCE = 100


class Refused(Exception):
    """The task cannot be carried out as it is written, whoever tries again."""


class StatementFailed(Exception):
    """The statement failed, was too large or too slow, or did not do what was expected."""


@dataclass(frozen=True)
class Request:
    """What a task's input asks for."""

    connection: str
    is_select: bool
    statement: str
    parameters: tuple[object, ...]
    expected_count: int

    @classmethod
    def of(cls, task_input: Mapping[str, Any]) -> Request:
        """Read the request; raises `Refused` without a statement or a source, else `StatementFailed`."""
        statement = task_input.get("statement")
        if not isinstance(statement, str) or not statement.strip():
            raise Refused("the task has no statement")
        given = [task_input.get(key) for key in ("connectionId", "integrationName", "schemaName")]
        named = [name for name in given if isinstance(name, str) and name]
        if not named:
            raise Refused("the task names no connectionId")
        kind = str(task_input.get("type") or "SELECT").upper()
        if kind not in {"SELECT", "UPDATE"}:
            raise StatementFailed(f"type {kind} is neither SELECT nor UPDATE")
        parameters = task_input.get("parameters")
        if parameters is not None and not isinstance(parameters, list):
            raise StatementFailed("parameters is not a list")
        return cls(
            connection=named[0],
            is_select=kind == "SELECT",
            statement=statement,
            parameters=tuple(_bound(value) for value in parameters or ()),
            expected_count=whole_number(task_input.get("expectedUpdateCount")) or 0,
        )


class JdbcTask:
    """The worker function, and the databases it knows."""

    def __init__(self, config: WorkersConfig) -> None:
        self._urls = connections_of(config.jdbc)
        self._statement_s_max = config.jdbc_statement_s_max
        self._bytes_max = config.http_response_bytes_max

    async def run(self, work: Work) -> Result:
        """Run the statement and turn its rows, its count or its failure into the task's result."""
        try:
            request = Request.of(work.input)
            url = self._urls.get(request.connection)
            if url is None:
                raise Refused(f"no connection {request.connection} is configured in workers.jdbc")
            output = await asyncio.to_thread(self._execute, url, request)
        except Refused as error:
            return _failed(str(error), is_terminal=True)
        except StatementFailed as error:
            return _failed(str(error))
        return Result("COMPLETED", output=output)

    def _execute(self, url: str, request: Request) -> dict[str, object]:
        try:
            database = database_of(url)
        except Unreachable as error:
            raise Refused(str(error)) from error
        try:
            connection = database.connect(self._statement_s_max)
        except database.errors as error:
            raise StatementFailed(str(error)) from error
        try:
            cursor: Cursor = connection.cursor()
            cursor.execute(database.written(request.statement), request.parameters)
            if request.is_select:
                output: dict[str, object] = {"result": self._rows(cursor)}
            else:
                output = {"update_count": _checked_count(cursor.rowcount, request.expected_count)}
            connection.commit()
            return output
        except database.errors as error:
            raise StatementFailed(str(error) or type(error).__name__) from error
        finally:
            # After a commit there is nothing left to roll back; closing does it for whatever else happened.
            connection.close()

    def _rows(self, cursor: Cursor) -> list[dict[str, object]]:
        if cursor.description is None:
            raise StatementFailed("the statement gives no rows; is its type UPDATE?")
        names = [str(column[0]) for column in cursor.description]
        rows: list[dict[str, object]] = []
        size = 0
        for values in _fetched(cursor):
            row = {name: _shown(value) for name, value in zip(names, values, strict=True)}
            size += len(write_json(row))
            rows.append(row)
            if len(rows) > _ROWS_MAX or size > self._bytes_max:
                raise StatementFailed(f"the result has more than {_ROWS_MAX} rows or {self._bytes_max} bytes")
        return rows


def connections_of(text: str) -> dict[str, str]:
    """Read the setting: `name=url`, one after the other with spaces between."""
    found = {}
    for entry in text.split():
        name, _, url = entry.partition("=")
        found[name] = url
    return found


def _fetched(cursor: Cursor) -> Iterator[Sequence[object]]:
    while batch := cursor.fetchmany(_ROWS_AT_ONCE):
        yield from batch


def _checked_count(count: int, expected: int) -> int:
    if expected > 0 and count != expected:
        raise StatementFailed(f"{count} rows were updated, {expected} were expected: rolled back")
    return max(count, 0)


def _bound(value: object) -> object:
    """Return a JSON value as a driver takes it: numbers as numbers, lists and objects as their text."""
    if isinstance(value, Number):
        return float(value.text)
    return write_json(value).decode() if isinstance(value, list | Mapping) else value


def _shown(value: object) -> object:
    """Return a column's value as JSON: numbers keep their digits, moments are ISO 8601, bytes hexadecimal."""
    shown: object = str(value)
    if value is None or isinstance(value, bool | float | str):
        shown = value
    elif isinstance(value, int) or (isinstance(value, decimal.Decimal) and value.is_finite()):
        shown = Number(str(value))
    elif isinstance(value, dt.date | dt.time):
        shown = value.isoformat()
    elif isinstance(value, bytes | memoryview):
        shown = bytes(value).hex()
    elif isinstance(value, list | tuple):
        shown = [_shown(each) for each in value]
    elif isinstance(value, Mapping):
        shown = {str(key): _shown(each) for key, each in value.items()}
    return shown


def _failed(reason: str, *, is_terminal: bool = False) -> Result:
    text = f"{PREFIX}{reason}"[:_REASON_CHARS_MAX]
    return Result("FAILED_WITH_TERMINAL_ERROR" if is_terminal else "FAILED", reason=text)
