"""The books of the shop: what the workers really did to stock and money.

The workers of the example write here instead of calling a warehouse and a bank. A worker may be asked to do
the same thing twice (it died after doing it and before saying so), so every entry is made at most once per
order: the order id is the idempotency key, as it would be in a call to a real payment provider.

Undoing may overtake doing. When one branch of the fork fails the order, the compensation can run while the
worker of the other branch is still busy. So an undo entry is written even when there is nothing to undo, and
a later `reserve` or `authorise` of that order is refused.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UNDONE_BY = {"reserve": "release", "authorise": "refund"}
"""Each entry that can be undone, and the entry that undoes it."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
    order_id TEXT NOT NULL, kind TEXT NOT NULL, amount INTEGER NOT NULL, times INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (order_id, kind));
CREATE TABLE IF NOT EXISTS hung (task_id TEXT PRIMARY KEY);
"""

BUSY_MS = 20_000


class RefusedError(Exception):
    """The order was undone before this could be done; doing it now would leave it done for ever."""


class Ledger:
    """The books in one SQLite file, shared by all worker processes of one machine."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with closing(sqlite3.connect(path, timeout=BUSY_MS / 1000)) as books:
            books.execute("PRAGMA journal_mode=WAL")
            books.executescript(SCHEMA)

    def book(self, order_id: str, kind: str, *, amount: int) -> int:
        """Makes an entry once and returns the booked amount, which is that of the first call.

        Raises `RefusedError` when the entry was undone before it was made.
        """
        with self._transaction() as books:
            undo = UNDONE_BY.get(kind)
            is_undone = undo is not None and _amount(books, order_id, kind=undo) is not None
            if is_undone and _amount(books, order_id, kind=kind) is None:
                raise RefusedError(f"{kind} of {order_id} comes after its {undo}")
            return _book(books, order_id, kind=kind, amount=amount)

    def undo(self, order_id: str, kind: str) -> int:
        """Undoes the entry `kind` of an order and returns the amount given back, 0 when there was nothing."""
        with self._transaction() as books:
            done = _amount(books, order_id, kind=kind) or 0
            return _book(books, order_id, kind=UNDONE_BY[kind], amount=done)

    def note_hung(self, task_id: str) -> None:
        """Remembers that a worker took this task and will never answer."""
        with self._transaction() as books:
            books.execute("INSERT OR IGNORE INTO hung VALUES (?)", (task_id,))

    def hung(self) -> set[str]:
        """Returns the ids of the tasks that died in a worker's hands."""
        with self._transaction() as books:
            return {task_id for (task_id,) in books.execute("SELECT task_id FROM hung")}

    def entries(self) -> dict[str, dict[str, int]]:
        """Returns kind and amount of all entries, by order."""
        found: dict[str, dict[str, int]] = defaultdict(dict)
        with self._transaction() as books:
            for order_id, kind, amount in books.execute("SELECT order_id, kind, amount FROM entry"):
                found[order_id][kind] = amount
        return dict(found)

    def repeated(self) -> int:
        """Returns how many times a worker was asked to do again what it had already done."""
        with self._transaction() as books:
            (count,) = books.execute("SELECT coalesce(sum(times - 1), 0) FROM entry").fetchone()
            return int(count)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path, timeout=BUSY_MS / 1000, isolation_level=None)) as books:
            books.execute("PRAGMA synchronous=OFF")
            books.execute("BEGIN IMMEDIATE")
            yield books
            books.execute("COMMIT")


def _amount(books: sqlite3.Connection, order_id: str, *, kind: str) -> int | None:
    row = books.execute(
        "SELECT amount FROM entry WHERE order_id = ? AND kind = ?", (order_id, kind)
    ).fetchone()
    return None if row is None else int(row[0])


def _book(books: sqlite3.Connection, order_id: str, *, kind: str, amount: int) -> int:
    books.execute(
        "INSERT INTO entry (order_id, kind, amount) VALUES (?, ?, ?)"
        " ON CONFLICT (order_id, kind) DO UPDATE SET times = times + 1",
        (order_id, kind, amount),
    )
    booked = _amount(books, order_id, kind=kind)
    assert booked is not None, "an entry just made is there"
    return booked
