"""A server that keeps no search index, and the same folder searched again (docs/extensions.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.conftest import running
from tests.http.calls import define, ended, finish, poll, read, simple, start

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("core")

LISTS = [
    ("GET", "/api/workflow/search", None),
    ("GET", "/api/workflow/search-v2?query=status%3DRUNNING", None),
    ("GET", "/api/workflow/running/unsearched", None),
    ("GET", "/api/workflow/unsearched/correlated/c1", None),
    ("POST", "/api/workflow/unsearched/correlated", ["c1"]),
]


def test_it_refuses_searches_and_finds_everything_once_it_is_switched_on(tmp_path: Path) -> None:
    with running(tmp_path, "--search-index", "off") as server:
        define(server, "unsearched", [simple("unsearched_task")])
        done, open_ = start(server, "unsearched"), start(server, "unsearched")
        finish(server, poll(server, "unsearched_task"))
        assert ended(server, done)["status"] == "COMPLETED"
        for method, path, body in LISTS:
            answer = server.call(method, path, body)
            assert answer.status == 501, path
            assert "--search-index off" in answer.json()["message"]
        assert server.stop() == 0
        assert any("search is switched off" in line for line in server.log)
    with running(tmp_path, env={"FASTCOND_SEARCH_INDEX": "on"}) as server:
        assert read(server, done)["status"] == "COMPLETED"
        for query, expected in (("COMPLETED", {done}), ("RUNNING", {open_})):
            page = server.call("GET", f"/api/workflow/search?query=status%3D{query}").json()
            assert {each["workflowId"] for each in page["results"]} == expected
        assert server.call("GET", "/api/workflow/running/unsearched").json() == [open_]
        assert server.stop() == 0
        rebuilt = [line for line in server.log if "search index rebuilt" in line]
        assert len(rebuilt) == 1
        assert "executions=2" in rebuilt[0]
