"""A poll for several task types at once, an addition to Conductor's API (docs/extensions.md)."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from tests.http.calls import define, finish, simple, start

if TYPE_CHECKING:
    from tests.conftest import Server

PATH = "/api/tasks/poll/any/batch"
# One more than a poll may ask for.
MANY = [f"t{n}" for n in range(101)]


def poll_any(server: Server, query: str) -> list[dict[str, Any]]:
    answer = server.call("GET", f"{PATH}?{query}")
    assert (answer.status, answer.content_type) == (200, "application/json"), answer.body
    tasks: list[dict[str, Any]] = answer.json()
    return tasks


def test_tasks_of_every_type_come_as_from_a_batch_poll(server: Server) -> None:
    for name in ("any_a", "any_b"):
        define(server, name, [simple(name)])
        start(server, name)
    tasks = poll_any(server, "types=any_a,any_b,any_c&count=5&timeout=0&workerid=w1")
    assert sorted(task["taskType"] for task in tasks) == ["any_a", "any_b"]
    for task in tasks:
        assert (task["status"], task["workerId"]) == ("IN_PROGRESS", "w1")
        finish(server, task)
    assert poll_any(server, "types=any_a&types=any_b&timeout=0") == []


def test_a_parked_poll_is_woken_by_any_of_its_types(server: Server) -> None:
    define(server, "any_woken", [simple("any_woken")])
    found: list[dict[str, Any]] = []
    poller = threading.Thread(
        target=lambda: found.extend(poll_any(server, "types=any_none,any_woken&timeout=5000"))
    )
    poller.start()
    workflow_id = start(server, "any_woken")
    poller.join(timeout=10)
    assert [task["workflowInstanceId"] for task in found] == [workflow_id]


@pytest.mark.parametrize(
    "query",
    ["", "types=", "types=,", "types=a&timeout=5001", "types=a&count=x", "types=" + "&types=".join(MANY)],
)
def test_a_poll_that_makes_no_sense_is_refused(server: Server, query: str) -> None:
    answer = server.call("GET", f"{PATH}?{query}")
    assert (answer.status, answer.json()["status"]) == (400, 400)


def test_a_path_of_the_same_length_is_no_poll(server: Server) -> None:
    assert server.call("GET", "/api/tasks/poll/other/any_a").status == 405
    assert server.call("GET", "/api/tasks/poll/any/any_a").status == 405
