"""The compiled core: engine, embedded store, parked polls and timers behind two classes.

Bytes cross this border, objects do not; batches cross, items do not. Written by hand and checked against the
binary by `mypy.stubtest` (tests/shell/test_stub.py).
"""

from typing import final

__all__ = ["Model", "Node", "__version__", "run_bench", "serve_scripts", "verbs"]

__version__: str

def verbs() -> list[str]:
    """Return every verb that `Node.submit` and `Model.call` know."""

def run_bench(arguments: list[str]) -> int:
    """Carry out a command line of the load generator and return its exit code.

    0: done; 1: the server broke a promise (an execution lost, a task handed out twice); 2: no run was made.
    """

def serve_scripts() -> None:
    """Answer scripts on standard input, a socket, until the server that holds its other end goes.

    Raises OSError when standard input is no socket or the exchange breaks off.
    """

@final
class Node:
    """One server process: engine, embedded store, parked polls and timers.

    Every method is called from the event-loop thread and returns at once; the work that may block runs on
    the node's own threads and is reported through `fd` and `turn`. The order to call them in: `open`,
    `listen`; then `turn` whenever `fd` is readable, `respond` and `submit` at will, `sweep` once a second;
    then `stop_listening`, `drain_polls`, `end_quiet`, `end_connections` and `close`.
    """

    @staticmethod
    def open(settings: bytes) -> Node:
        """Open the data folder and recover what it holds.

        `settings` is a JSON object: data_dir, sync ("full" or "normal"), instance, search_index (false leaves
        the indexes of searches away), poll_ms_max, events_kept_ms, environment and secrets (values by name),
        script_command (program and arguments of a process that calls `serve_scripts`). Raises
        `fastcond.errors.StoreError` when the folder is locked by another process, damaged (the message names
        file and offset), or not writable.
        """

    def describe(self) -> bytes:
        """Return what the store promises now, as JSON: store, durability, healthy, reason."""

    def indexed(self) -> int:
        """Return how many executions the search index was made for when the folder was opened.

        0 when it was there already, or is left away.
        """

    def fd(self) -> int:
        """Return the descriptor that is readable while `turn` has something to do."""

    def listen(self, address: str, port: int, bounds: bytes) -> int:
        """Accept connections on an IP address and return the port, 0 standing for any.

        `bounds` is a JSON object: connections_max, refusal (the bytes that turn one more away), idle_s_max,
        request_s_max, write_s_max, unsent_bytes_max. They hold for all addresses; the last given count.
        Raises OSError when the address cannot be had and ValueError when it is no address.
        """

    def stop_listening(self) -> None:
        """Accept no more connections."""

    def turn(
        self,
    ) -> (
        tuple[
            list[tuple[int, int, str, bytes]],
            list[tuple[int, int, str, bytes, list[tuple[bytes, bytes]], bytes]],
        ]
        | None
    ):
        """Read every socket that is ready, serve the hot routes, and write every answer that is due.

        Never blocks. What is left for the caller: answers to calls as (ticket, status, content type, body),
        and cold requests as (connection, number, method, raw target, headers with lower-case names, body),
        each to be answered once with `respond`. None when there is neither.
        """

    def sweep(self) -> None:
        """End the connections whose time is over; to be called about once a second."""

    def end_quiet(self) -> int:
        """End the connections that are owed nothing and return how many are left."""

    def end_connections(self) -> None:
        """End every connection."""

    def connections(self) -> tuple[int, int]:
        """Return how many connections are open, and how many were turned away so far."""

    def respond(
        self, conn: int, seq: int, status: int, headers: list[tuple[bytes, bytes]], body: bytes
    ) -> None:
        """Answer a cold request.

        It is written by `turn` when its turn in the connection's order comes. The core adds content-length,
        and leaves the body away where HTTP wants none (HEAD, 204, 304).
        """

    def submit(self, verb: str, params: dict[str, str], body: bytes) -> int:
        """Hand in a cold call and return the ticket under which `turn` will report its answer.

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
