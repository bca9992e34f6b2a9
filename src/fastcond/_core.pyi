"""The compiled core: engine, embedded store, parked polls and timers behind two classes.

Bytes cross this border, objects do not; batches cross, items do not. Written by hand and checked against the
binary by `mypy.stubtest` (tests/shell/test_stub.py).
"""

from typing import final

__all__ = ["Model", "Node", "__version__", "serve_scripts", "verbs"]

__version__: str

def verbs() -> list[str]:
    """Return every verb that `Node.submit` and `Model.call` know."""

def serve_scripts() -> None:
    """Answer scripts on standard input, a socket, until the server that holds its other end goes.

    Raises OSError when standard input is no socket or the exchange breaks off.
    """

@final
class Node:
    """One server process: engine, embedded store, parked polls and timers.

    Every method is called from the event-loop thread and returns at once; the work that may block runs on
    the node's own threads and is reported through `fd` and `drain`. The order to call them in: `open`; then
    `connect`, `feed`, `respond`, `disconnect` per connection and `submit` at will, with `drain` whenever
    `fd` is readable; then `drain_polls` and `close`.
    """

    @staticmethod
    def open(settings: bytes) -> Node:
        """Open the data folder and recover what it holds.

        `settings` is a JSON object: data_dir, sync ("full" or "normal"), instance, script_command
        (program and arguments of a process that calls `serve_scripts`). Raises
        `fastcond.errors.StoreError` when the folder is locked by another process, damaged (the message names
        file and offset), or not writable.
        """

    def describe(self) -> bytes:
        """Return what the store promises now, as JSON: store, durability, healthy, reason."""

    def fd(self) -> int:
        """Return the event descriptor, readable while `drain` has something to give; `drain` resets it."""

    def connect(self) -> int:
        """Register a new HTTP/1.1 connection and return its handle."""

    def feed(
        self, conn: int, data: bytes
    ) -> list[tuple[int, str, bytes, list[tuple[bytes, bytes]], bytes]] | None:
        """Take bytes read from a connection's socket.

        The core parses strictly and serves the hot routes itself. What it does not serve comes back as cold
        requests (seq, method, raw target, headers with lower-case names, body), each to be answered once
        with `respond`.
        """

    def respond(
        self, conn: int, seq: int, status: int, headers: list[tuple[bytes, bytes]], body: bytes
    ) -> None:
        """Answer a cold request.

        Its bytes come out of `drain` when its turn in the connection's order comes. The core adds
        content-length, and leaves the body away where HTTP wants none (HEAD, 204, 304).
        """

    def disconnect(self, conn: int) -> None:
        """Forget a connection: its parked polls are withdrawn, its open requests are answered to nobody."""

    def drain(
        self,
    ) -> tuple[
        list[tuple[int, bytes, bool]],
        list[tuple[int, int, str, bytes]],
        list[tuple[int, int, str, bytes, list[tuple[bytes, bytes]], bytes]],
    ]:
        """Take what is ready.

        Three lists: (conn, bytes, close after write); (ticket, status, content type, body); and cold requests
        that were held back behind unanswered ones, as (conn, *request of `feed`).
        """

    def submit(self, verb: str, params: dict[str, str], body: bytes) -> int:
        """Hand in a cold call and return the ticket under which `drain` will report its answer.

        The verb `node.metrics` gives the core's metrics in the Prometheus text format. Raises ValueError for
        an unknown verb.
        """

    def drain_polls(self) -> None:
        """Begin a graceful stop: answer all parked polls now and refuse new hot work."""

    def close(self) -> None:
        """Flush, checkpoint and release the folder; the node takes no call afterwards."""

@final
class Model:
    """The same core without threads, files or clock: virtual time, for tests."""

    def __new__(cls, seed: int, now_ms: int) -> Model:
        """Make an empty core whose ids derive from `seed` and whose clock stands at `now_ms`."""

    def call(self, verb: str, params: dict[str, str], body: bytes) -> tuple[int, str, bytes]:
        """Carry out one verb and return (status, content type, body)."""

    def advance(self, ms: int) -> None:
        """Move the virtual clock forward, firing every due timer in order."""

    def now(self) -> int:
        """Return the virtual time in epoch milliseconds."""

    def check(self) -> None:
        """Raise AssertionError when an invariant of the state does not hold (S-96.5)."""
