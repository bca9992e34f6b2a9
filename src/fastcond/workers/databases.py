"""Databases that JDBC tasks may be pointed at: how to connect, and how their drivers read a statement.

Both drivers speak DB-API 2.0. A statement comes from the author of a definition, the database from the
operator: what a statement reaches is what the database grants to the user of its URL, and of a SQLite file
nothing but its tables.
"""

from __future__ import annotations

import importlib
import sqlite3
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

# SQLite asks whether to go on after this many steps of its machine: some milliseconds at most.
_STEPS_BETWEEN_LOOKS = 20_000
# What closes each opener of a piece of a statement that holds no placeholders.
_CLOSERS = {"'": "'", '"': '"', "--": "\n", "/*": "*/"}
_BEYOND = frozenset(
    {
        sqlite3.SQLITE_ATTACH,
        sqlite3.SQLITE_DETACH,
        sqlite3.SQLITE_PRAGMA,
        sqlite3.SQLITE_TRANSACTION,
        sqlite3.SQLITE_SAVEPOINT,
    }
)


class Unreachable(Exception):
    """No driver for this kind of database is here."""


class Cursor(Protocol):
    """What DB-API 2.0 calls a cursor, as far as it is used here."""

    @property
    def description(self) -> Sequence[Sequence[Any]] | None:
        """Return a row per column, its name first; None when the statement gives no rows."""

    @property
    def rowcount(self) -> int:
        """Return how many rows the statement changed."""

    def execute(self, statement: str, parameters: Sequence[Any], /) -> object:
        """Run a statement."""

    def fetchmany(self, size: int, /) -> list[Any]:
        """Return the next rows, none when there are no more."""


class Connection(Protocol):
    """What DB-API 2.0 calls a connection, as far as it is used here: closing it rolls back."""

    def cursor(self) -> Any:  # noqa: ANN401 - a Cursor; drivers give theirs richer signatures
        """Return a new cursor."""

    def commit(self) -> None:
        """Make everything since the connection was opened true."""

    def close(self) -> None:
        """End the connection."""


@dataclass(frozen=True)
class Database:
    """How to reach one database."""

    # Opens a connection in a transaction of its own whose statements may take so many seconds.
    connect: Callable[[float], Connection]
    # Writes a statement with `?` as the driver reads it.
    written: Callable[[str], str]
    errors: tuple[type[Exception], ...]


def database_of(url: str) -> Database:
    """Return the database behind a URL; raises `Unreachable` when its driver is missing."""
    if url.startswith("sqlite:"):
        path = url.removeprefix("sqlite:").removeprefix("//")
        errors = (sqlite3.Error, sqlite3.Warning)
        return Database(lambda seconds: _SqliteConnection(path, seconds), lambda text: text, errors)
    if not url.startswith(("postgresql:", "postgres:")):
        raise Unreachable(f"{url.partition(':')[0]} is no kind of database this server can reach")
    try:
        psycopg = importlib.import_module("psycopg")
    except ImportError as error:
        raise Unreachable("PostgreSQL needs the package psycopg, which is not installed") from error

    def connect(seconds: float) -> Connection:
        options = f"-c statement_timeout={int(seconds * 1000)}"
        found: Connection = psycopg.connect(url, connect_timeout=max(2, int(seconds)), options=options)
        return found

    return Database(connect, as_percent, (psycopg.Error,))


class _SqliteConnection:
    """A connection to a file that exists; its statements reach nothing else and end when their time is up."""

    def __init__(self, path: str, seconds: float) -> None:
        where = f"file:{path}?mode=rw"
        until = time.monotonic() + seconds
        self._connection = sqlite3.connect(where, uri=True, timeout=seconds, isolation_level=None)
        # The transaction is ours; the authorizer keeps statements from ending it.
        self._connection.execute("BEGIN")
        self._connection.set_authorizer(_verdict)
        self._connection.set_progress_handler(lambda: time.monotonic() > until, _STEPS_BETWEEN_LOOKS)

    def cursor(self) -> sqlite3.Cursor:
        return self._connection.cursor()

    def commit(self) -> None:
        self._connection.set_authorizer(None)
        self._connection.commit()

    def close(self) -> None:
        self._connection.close()


def _verdict(action: int, _: str | None, function: str | None, *_rest: str | None) -> int:
    """Deny what reaches beyond the database: other files, settings of the engine, its transactions."""
    is_loading = action == sqlite3.SQLITE_FUNCTION and function == "load_extension"
    return sqlite3.SQLITE_DENY if action in _BEYOND or is_loading else sqlite3.SQLITE_OK


def as_percent(statement: str) -> str:
    """Write `?` outside of quotes and comments as `%s`, and every `%` twice, as psycopg reads a statement."""
    out: list[str] = []
    for text, is_plain in _pieces(statement):
        doubled = text.replace("%", "%%")
        out.append(doubled.replace("?", "%s") if is_plain else doubled)
    return "".join(out)


def _pieces(statement: str) -> Iterator[tuple[str, bool]]:
    """Cut a statement into plain text on the one hand, quoted pieces and comments on the other."""
    at = 0
    while at < len(statement):
        starts = [(place, opener) for opener in _CLOSERS if (place := statement.find(opener, at)) >= 0]
        start, opener = min(starts, default=(len(statement), ""))
        yield statement[at:start], True
        if not opener:
            return
        closer = _CLOSERS[opener]
        end = statement.find(closer, start + len(opener))
        at = len(statement) if end < 0 else end + len(closer)
        yield statement[start:at], False
