"""What the border between Python and Rust costs, and what stands right beside it.

The usual test run executes each once and measures nothing (`--benchmark-disable` in pyproject.toml).
`python -m pytest tests/bench --benchmark-enable` measures; `--benchmark-autosave` and `--benchmark-compare`
put two states of the code side by side.
"""

from __future__ import annotations

import asyncio
import json
import select
import socket
from typing import TYPE_CHECKING, Any, cast

import pytest

from fastcond.config import Config, StoreConfig, load
from fastcond.http.app import build_app
from fastcond.http.bridge import ColdRequest, ask
from fastcond.runtime.calls import Calls
from fastcond.stores.embedded import open_node

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fastcond._core import Model, Node

    Benchmark = Callable[..., Any]

ANSWER_S_MAX = 20.0

BOUNDS = {
    "connections_max": 8,
    "refusal": "",
    "idle_s_max": 60.0,
    "request_s_max": 60.0,
    "write_s_max": 60.0,
    "unsent_bytes_max": 1 << 20,
}
TASK = [{"name": "t", "retryCount": 0, "responseTimeoutSeconds": 3600, "ownerEmail": "t@example.com"}]
WORKFLOW = {
    "name": "w",
    "version": 1,
    "schemaVersion": 2,
    "ownerEmail": "t@example.com",
    "tasks": [{"name": "t", "taskReferenceName": "t", "type": "SIMPLE"}],
}


class Peer:
    """A node with one client connected to it, both driven from this thread."""

    def __init__(self, folder: Path) -> None:
        self.node: Node = open_node(Config(store=StoreConfig(data_dir=folder)))
        port = self.node.listen("127.0.0.1", 0, json.dumps(BOUNDS).encode())
        self.client = socket.create_connection(("127.0.0.1", port))
        self.client.setblocking(False)

    def turn_until_something(self) -> Any:
        """Give the core turns until one leaves something."""
        while (left := self.turn()) is None:
            pass
        return left

    def turn_until_answered(self) -> bytes:
        """Give the core turns until the client has read something."""
        while True:
            self.turn()
            try:
                return self.client.recv(1 << 16)
            except BlockingIOError:
                continue

    def turn(self) -> Any:
        """Wait until there is something for a turn, and give it."""
        ready, _, _ = select.select([self.node.fd()], [], [], ANSWER_S_MAX)
        assert ready, "nothing happens any more"
        return self.node.turn()

    def close(self) -> None:
        self.client.close()
        self.node.end_connections()
        self.node.close()


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Peer]:
    pytest.importorskip("fastcond._core", reason="the compiled core is not built (make build)")
    made = Peer(tmp_path)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def model() -> Model:
    core = pytest.importorskip("fastcond._core", reason="the compiled core is not built (make build)")
    made: Model = core.Model(7, 1_700_000_000_000)
    for verb, definition in (("taskdefs.create", TASK), ("workflowdefs.create", WORKFLOW)):
        status, _, body = made.call(verb, {}, json.dumps(definition).encode())
        assert status < 300, body
    return made


def test_a_crossing_that_looks_up_one_number(peer: Peer, benchmark: Benchmark) -> None:
    """The floor of every crossing: nothing is done on the other side."""
    assert benchmark(peer.node.fd) > 0


def test_a_turn_with_nothing_to_do(peer: Peer, benchmark: Benchmark) -> None:
    """A crossing and one look at an empty epoll set."""
    peer.turn()  # accepts the client
    assert benchmark(peer.node.turn) is None


def test_a_hot_request_from_bytes_to_bytes(peer: Peer, benchmark: Benchmark) -> None:
    """Two turns, the engine and the journal behind them; nothing is found, so nothing has to be durable."""
    request = b"GET /api/workflow/none/status HTTP/1.1\r\nhost: x\r\n\r\n"

    def serve() -> bytes:
        peer.client.sendall(request)
        return peer.turn_until_answered()

    assert benchmark(serve).startswith(b"HTTP/1.1 404 ")


def test_a_cold_request_handed_over_and_answered(peer: Peer, benchmark: Benchmark) -> None:
    """A request becomes Python objects, is answered at once, and leaves: a turn, the answer, a turn."""
    headers = [(b"content-type", b"application/json")]

    def serve() -> bytes:
        peer.client.sendall(b"GET /cold HTTP/1.1\r\nhost: x\r\n\r\n")
        _, ((connection, seq, method, target, _, _),) = peer.turn_until_something()
        assert (method, target) == ("GET", b"/cold")
        peer.node.respond(connection, seq, 200, headers, b"{}")
        peer.node.turn()  # nobody rings for what the caller itself did
        return peer.client.recv(1 << 16)

    assert benchmark(serve).endswith(b"\r\n\r\n{}")


def test_a_call_submitted_and_its_answer_taken(peer: Peer, benchmark: Benchmark) -> None:
    """The way of every cold route and of the server's own workers, without HTTP."""
    peer.turn()

    def call() -> Any:
        ticket = peer.node.submit("taskdefs.list", {}, b"")
        answers, _ = peer.turn_until_something()
        return ticket, answers[0]

    ticket, answer = benchmark(call)
    assert answer == (ticket, 200, "application/json", b"[]")


def test_an_execution_through_the_core_alone(model: Model, benchmark: Benchmark) -> None:
    """Start, poll, update: three crossings, deciding and committing, no thread and no file."""

    def execute() -> int:
        model.call("workflow.start", {}, b'{"name":"w","version":1,"input":{"a":1}}')
        _, _, polled = model.call("tasks.poll", {"tasktype": "t", "workerid": "w"}, b"")
        task = json.loads(polled)
        result = {
            "workflowInstanceId": task["workflowInstanceId"],
            "taskId": task["taskId"],
            "status": "COMPLETED",
        }
        return model.call("tasks.update", {}, json.dumps(result).encode())[0]

    assert benchmark(execute) == 200


def test_the_asgi_bridge_and_the_router(benchmark: Benchmark) -> None:
    """A cold request through Starlette to an endpoint that asks nobody."""

    async def no_metrics() -> bytes:
        return b""

    app = build_app(
        Calls(cast("Any", None)), probe=cast("Any", None), metrics_text=no_metrics, instance="here"
    )
    request = ColdRequest(0, "GET", b"/api/version", [(b"host", b"x")], b"")
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        reply = benchmark(lambda: loop.run_until_complete(ask(app, request, instance="here")))
    assert (reply.status, reply.row) == (200, "/api/version")


def test_the_configuration_from_all_its_sources(tmp_path: Path, benchmark: Benchmark) -> None:
    """File, environment and flags, checked; once per start of the server."""
    (tmp_path / "fastcond.toml").write_text('[http]\nport = 8081\n[log]\nlevel = "error"\n')
    environment = {"FASTCOND_SYNC": "normal"}
    loaded = benchmark(lambda: load({"http.host": "127.0.0.1"}, environ=environment, folder=tmp_path))
    assert (loaded.config.http.port, loaded.config.store.sync) == (8081, "normal")
