"""`/api/admin` through the whole server (rest-api 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.http.calls import define, poll, simple, start

if TYPE_CHECKING:
    from tests.conftest import Server

NOBODY = "00000000-0000-4000-8000-000000000000"


def test_the_server_says_what_it_is_and_nothing_of_its_settings(server: Server) -> None:
    found = server.call("GET", "/api/admin/config").json()
    assert found["version"] == server.call("GET", "/api/version").body.decode()
    assert found["buildDate"][:2] == "20"
    assert str(server.data_dir) not in str(found)


def test_tasks_that_wait_are_listed_in_pages(server: Server) -> None:
    define(server, "waiting", [simple("waiting_task")])
    ids = [start(server, "waiting") for _ in range(3)]
    path = "/api/admin/task/waiting_task"
    found = server.call("GET", path).json()
    assert [task["workflowInstanceId"] for task in found] == ids
    assert {task["status"] for task in found} == {"SCHEDULED"}
    page = server.call("GET", f"{path}?start=1&count=1").json()
    assert [task["workflowInstanceId"] for task in page] == ids[1:2]
    assert server.call("GET", "/api/admin/task/nobody_waits").json() == []
    polled = poll(server, "waiting_task")
    assert polled["taskId"] not in str(server.call("GET", path).json())


def test_an_execution_is_looked_at_again_and_found_consistent(server: Server) -> None:
    define(server, "sound", [simple("sound_task")])
    workflow_id = start(server, "sound")
    again = server.call("POST", f"/api/admin/sweep/requeue/{workflow_id}")
    assert (again.status, again.body.decode()) == (200, f"true.{workflow_id}")
    verified = server.call("POST", f"/api/admin/consistency/verifyAndRepair/{workflow_id}")
    assert (verified.status, verified.body) == (200, b"false")
    for path in ("sweep/requeue", "consistency/verifyAndRepair"):
        assert server.call("POST", f"/api/admin/{path}/{NOBODY}").status == 404


def test_no_event_queue_is_an_empty_map(server: Server) -> None:
    assert server.call("GET", "/api/admin/queues?verbose=true").json() == {}
