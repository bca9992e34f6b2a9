"""The OpenAPI document and its page (rest-api 7), as a browser and a generator of clients would take them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from fastcond.http.operations import operation_routes
from fastcond.http.routes import ROUTES

if TYPE_CHECKING:
    from tests.conftest import Server

METHODS = {"get", "post", "put", "delete"}


def nameless(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path)


async def _no_metrics() -> bytes:
    return b""


@pytest.fixture(scope="module")
def described(server: Server) -> dict[str, Any]:
    answer = server.call("GET", "/api-docs")
    assert (answer.status, answer.content_type) == (200, "application/json")
    found: dict[str, Any] = answer.json()
    return found


def test_the_document_has_exactly_what_is_served(described: dict[str, Any]) -> None:
    assert described["openapi"] == "3.1.0"
    found = {(method.upper(), nameless(path)) for path, item in described["paths"].items() for method in item}
    assert len({nameless(path) for path in described["paths"]}) == len(described["paths"])
    beside = {("GET", route.path) for route in operation_routes(None, _no_metrics)}  # type: ignore[arg-type]
    rows = {(row.method, nameless(row.path)) for row in ROUTES if row.verb}
    assert found == rows | beside - {("GET", "/api/version")}


def test_an_operation_names_what_its_row_reads(described: dict[str, Any]) -> None:
    items = {nameless(path): (path, item) for path, item in described["paths"].items()}
    for row in ROUTES:
        if not row.verb:
            continue
        path, item = items[nameless(row.path)]
        operation = item[row.method.lower()]
        by_place = {
            place: {each["name"] for each in operation["parameters"] if each["in"] == place}
            for place in ("path", "query")
        }
        assert by_place["path"] == set(re.findall(r"\{(\w+)\}", path))
        assert by_place["query"] == {query.name for query in row.query}
        assert ("requestBody" in operation) == (row.body != "none")


def test_an_answer_is_of_the_type_that_the_document_says(server: Server, described: dict[str, Any]) -> None:
    """Client rules 7, 8 and 12: text where there is text, nothing where there is nothing, JSON elsewhere."""
    task = {"name": "described", "retryCount": 0}
    step = {"name": "described", "taskReferenceName": "a", "type": "SIMPLE"}
    definition = {"name": "described", "version": 1, "tasks": [step]}
    assert server.call("POST", "/api/metadata/taskdefs", [task]).status == 200
    assert server.call("PUT", "/api/metadata/workflow", [definition]).status == 200
    bodies: dict[str, object] = {
        "/api/workflow": {"name": "described", "version": 1},
        "/api/workflow/described": {},
        "/api/metadata/taskdefs": [task],
        "/api/metadata/workflow/validate": definition,
        "/api/metadata/workflow?overwrite=true": definition,
        "/api/tasks/queue/requeue/described": None,
    }
    items = {nameless(path): item for path, item in described["paths"].items()}
    for path, body in bodies.items():
        answer = server.call("POST", path, body)
        key = path.partition("?")[0].replace("/described", "/{}")
        content = items[key]["post"]["responses"]["2XX"].get("content", {})
        found = (answer.content_type or "").partition(";")[0]
        assert (answer.status, [found] if found else []) == (200, list(content)), path
        assert bool(answer.body) == bool(content), path


def test_the_document_is_sound(described: dict[str, Any]) -> None:
    """Every operation has an id of its own, every reference leads somewhere, no schema is unknown."""
    operations = [one for item in described["paths"].values() for one in item.values()]
    assert len({one["operationId"] for one in operations}) == len(operations)
    assert {method for item in described["paths"].values() for method in item} <= METHODS
    for reference in re.findall(r"'\$ref': '#/components/schemas/(\w+)'", str(described)):
        assert reference in described["components"]["schemas"]


def test_the_document_comes_as_yaml_too(server: Server, described: dict[str, Any]) -> None:
    answer = server.call("GET", "/api-docs.yaml")
    assert (answer.status, answer.content_type) == (200, "application/vnd.oai.openapi")
    # JSON is YAML, and this one is.
    assert answer.json() == described
    config = server.call("GET", "/api-docs/swagger-config").json()
    assert config["url"] == "/api-docs"
    assert server.call("GET", "/v3/api-docs").status == 404


def test_the_page_loads_from_this_server_alone(server: Server) -> None:
    """No foreign host: each file that the page names is here, and the browser is told to ask nobody else."""
    page = server.call("GET", "/swagger-ui/index.html")
    assert page.content_type == "text/html;charset=utf-8"
    assert "default-src 'self'" in page.headers["content-security-policy"]
    named = re.findall(r'(?:src|href)="([^"]+)"', page.body.decode())
    assert sorted(named) == ["data:,", "start.js", "swagger-ui-bundle.js", "swagger-ui.css"]
    for name in named:
        if not name.startswith("data:"):
            asset = server.call("GET", f"/swagger-ui/{name}")
            assert (asset.status, len(asset.body) > 100) == (200, True), name
    start = server.call("GET", "/swagger-ui/start.js").body.decode()
    assert 'url: "/api-docs"' in start
    assert "validatorUrl: null" in start


def test_the_old_address_leads_to_the_page(server: Server) -> None:
    answer = server.call("GET", "/swagger-ui.html")
    # The client follows the redirect.
    assert (answer.status, answer.content_type) == (200, "text/html;charset=utf-8")
    assert server.call("GET", "/swagger-ui/nothing.js").status == 404
    assert server.call("GET", "/swagger-ui/../../config.py").status in {400, 404}
