"""A limit of running executions on a live server: who is held goes on being held (S-53.5, G2)."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from tests.conftest import running
from tests.http.calls import define, ended, finish, simple, start

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("core")

LIMIT = {"rateLimitKey": "one", "concurrentExecLimit": 1, "policy": "QUEUE"}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_held_executions_run_one_by_one_after_a_restart(tmp_path: Path, number: signal.Signals) -> None:
    with running(tmp_path) as server:
        define(server, "limited", [simple("limited_task")], rateLimitConfig=LIMIT)
        started = {start(server, "limited", {"n": n}) for n in range(3)}
        server.stop(number=number)
    done: set[str] = set()
    with running(tmp_path) as server:
        for _ in started:
            tasks = server.call("GET", "/api/tasks/poll/batch/limited_task?count=10&timeout=0").json()
            assert len(tasks) == 1, "one runs, the others are held"
            finish(server, tasks[0])
            done.add(tasks[0]["workflowInstanceId"])
            assert ended(server, tasks[0]["workflowInstanceId"])["status"] == "COMPLETED"
    assert done == started
