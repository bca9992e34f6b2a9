"""Idempotency keys on a live server: they outlive it (S-90.1, G2)."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest
from tests.conftest import running
from tests.http.calls import define, simple

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Answer, Server

pytestmark = pytest.mark.usefixtures("core")


def _start(server: Server, name: str, key: str, strategy: str | None = None) -> Answer:
    request: dict[str, Any] = {"name": name, "input": {}, "idempotencyKey": key}
    if strategy is not None:
        request["idempotencyStrategy"] = strategy
    return server.call("POST", "/api/workflow", request)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_idempotency_key_is_honoured(tmp_path: Path, number: signal.Signals) -> None:
    """From the journal after a kill, from the archive after a stop, in memory before."""
    with running(tmp_path) as server:
        define(server, "keyed", [simple("keyed_task")])
        first = _start(server, "keyed", "k")
        assert first.status == 200
        again = _start(server, "keyed", "k", "RETURN_EXISTING")
        assert (again.status, again.body) == (200, first.body)
        shown = server.call("GET", f"/api/workflow/{first.body.decode()}").json()
        assert shown["idempotencyKey"] == "k"
        server.stop(number=number)
    for _ in range(2):
        with running(tmp_path) as server:
            refused = _start(server, "keyed", "k")
            assert (refused.status, first.body.decode() in refused.json()["message"]) == (409, True)
            again = _start(server, "keyed", "k", "RETURN_EXISTING")
            assert (again.status, again.body) == (200, first.body)
            server.stop()
    with running(tmp_path) as server:
        gone = server.call("DELETE", f"/api/workflow/{first.body.decode()}/terminate-remove")
        assert gone.status == 200
        assert _start(server, "keyed", "k").body != first.body
