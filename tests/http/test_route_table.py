"""Every endpoint of the contract against the routes there are, and what HTTP itself says about each path.

`routes.tsv` is written from the contract, not from the code. An endpoint is here, or not yet, or absent for
good with its reason in docs/compatibility.md; a line whose state is not true fails.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from starlette.routing import Route

from fastcond.http.app import build_app
from fastcond.runtime.calls import Calls

if TYPE_CHECKING:
    from tests.conftest import Server

ROOT = Path(__file__).parents[2]
STATES = ("here", "not yet", "absent")


@dataclass(frozen=True)
class Endpoint:
    """A line of the list."""

    section: str
    row: str
    method: str
    path: str
    state: str
    why: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def concrete(self) -> str:
        """The path with a word for each variable."""
        return re.sub(r"\{\w+\}", "word", self.path)


def endpoints() -> list[Endpoint]:
    lines = (Path(__file__).parent / "routes.tsv").read_text(encoding="utf-8").splitlines()
    rows = [[*line.split("\t"), ""][:6] for line in lines if line and not line.startswith("#")]
    return [Endpoint(*row) for row in rows]


ENDPOINTS = endpoints()
HERE = [each for each in ENDPOINTS if each.state == "here"]


async def _no_metrics() -> bytes:
    return b""


def served() -> set[tuple[str, str]]:
    """Method and path, without the names of variables, of every route that does something."""
    app = build_app(
        Calls(cast("Any", None)), probe=cast("Any", None), metrics_text=_no_metrics, instance="here"
    )
    return {
        (method, _nameless(route.path))
        for route in app.routes
        if isinstance(route, Route) and route.name
        for method in (route.methods or set()) - {"HEAD"}
    }


def test_the_list_has_every_row_of_the_contract_once() -> None:
    """3 has 27 rows, 4 has 8, 5 has 21, 6 has 15, 7 has 24, 9 has 14 and 11 has 11."""
    rows = {(each.section, each.row) for each in ENDPOINTS}
    counted = {section: sum(1 for found, _ in rows if found == section) for section, _ in rows}
    assert counted == {"3": 27, "4": 8, "5": 21, "6": 15, "7": 24, "9": 14, "11": 11}
    assert len({str(each) for each in ENDPOINTS}) == len(ENDPOINTS)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
def test_an_endpoint_is_what_the_list_says(endpoint: Endpoint) -> None:
    assert endpoint.state in STATES
    is_served = (endpoint.method, _nameless(endpoint.path)) in served()
    assert is_served == (endpoint.state == "here"), f"{endpoint} is {'' if is_served else 'not '}served"
    assert (endpoint.why == "") == (endpoint.state == "here"), (
        "what is not here says why, what is needs no reason"
    )


def test_what_is_absent_for_good_is_in_the_documents() -> None:
    page = (ROOT / "docs" / "compatibility.md").read_text(encoding="utf-8")
    for endpoint in ENDPOINTS:
        if endpoint.state == "absent":
            first = "/".join(endpoint.path.split("/")[:3])
            assert f"`{first}" in page, f"docs/compatibility.md does not say that {endpoint} is absent"


def test_a_path_says_which_methods_it_has(server: Server) -> None:
    """Rest-api 1, client rule 18: OPTIONS and 405 name the methods; HEAD goes where GET goes."""
    for endpoint in HERE:
        options = server.call("OPTIONS", endpoint.concrete)
        methods = set(options.headers["allow"].split(", "))
        assert (options.status, endpoint.method in methods) == (200, True), str(endpoint)
        assert ("HEAD" in methods) == ("GET" in methods), str(endpoint)
        wrong = server.call("PATCH", endpoint.concrete)
        assert wrong.status == 405, str(endpoint)
        assert set(wrong.headers["allow"].split(", ")) == methods, str(endpoint)
        assert wrong.json()["status"] == 405


def test_head_answers_as_get_does_without_a_body(server: Server) -> None:
    """Same status and headers as GET; not for polls, which hand out what they find, nor for the redirect."""
    for endpoint in HERE:
        if endpoint.method != "GET" or "/poll/" in endpoint.path or endpoint.path == "/swagger-ui.html":
            continue
        head, get = (server.call(method, endpoint.concrete) for method in ("HEAD", "GET"))
        assert (head.status, head.body) == (get.status, b""), str(endpoint)
        assert head.content_type == get.content_type, str(endpoint)


def test_a_slash_at_the_end_makes_another_path(server: Server) -> None:
    """Rest-api 1: `/api/queue/` exists and `/api/queue` does not, so nothing is added or taken away."""
    for endpoint in HERE:
        answer = server.call(endpoint.method, f"{endpoint.concrete}/")
        assert answer.status == 404, str(endpoint)
        assert answer.json()["status"] == 404


def test_a_literal_goes_before_a_variable(server: Server) -> None:
    """Rest-api 1: no execution is called "search", no definition "names", no task type "batch"."""
    assert "totalHits" in server.call("GET", "/api/workflow/search").json()
    assert isinstance(server.call("GET", "/api/metadata/workflow/names").json(), list)
    assert server.call("GET", "/api/metadata/workflow/names-and-versions").json() == {}
    assert server.call("GET", "/api/tasks/poll/batch/some?timeout=1").json() == []
    assert isinstance(server.call("GET", "/api/tasks/queue/all").json(), dict)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/api/token", 404),
        ("GET", "/api/token/userInfo", 404),
        ("POST", "/api/tasks/some/ack", 404),
        ("DELETE", "/api/tasks/queue/type/id", 405),
        ("GET", "/api/metadata/workflow/some/tags", 405),
        ("GET", "/api/applications", 404),
        ("GET", "/api/prompts", 404),
        ("GET", "/api/schema", 404),
    ],
)
def test_what_only_the_commercial_server_has_is_refused_as_clients_expect(
    server: Server, method: str, path: str, status: int
) -> None:
    """Rest-api 8, client rules 17, 18: 404 for an unknown path, 405 for a known one, each with its body."""
    answer = server.call(method, path)
    assert (answer.status, answer.content_type) == (status, "application/json")
    assert (answer.json()["status"], bool(answer.json()["message"])) == (status, True)


def _nameless(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path)
