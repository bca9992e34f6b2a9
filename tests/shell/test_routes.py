"""The route table against the endpoints the contract lists, and the routing rules around it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

import httpx
import pytest
from starlette.requests import Request

from fastcond.errors import BadParameter, BadTarget, UnsupportedMedia
from fastcond.http import target
from fastcond.http.app import build_app
from fastcond.http.endpoint import parameters, query_parameters, require_json, require_ndjson
from fastcond.http.routes import ROUTES
from fastcond.http.table import Route, flag, in_order, integer, many, text
from fastcond.runtime.calls import Calls

if TYPE_CHECKING:
    from collections.abc import Mapping

# Copied by hand from the endpoint tables of rest-api 3 to 7: method, path, query parameters.
CONTRACT = """
POST   /api/workflow
POST   /api/workflow/{} version correlationId priority
GET    /api/workflow/{}/correlated/{} includeClosed includeTasks
POST   /api/workflow/{}/correlated includeClosed includeTasks
GET    /api/workflow/{} includeTasks
GET    /api/workflow/{}/status includeOutput includeVariables
GET    /api/workflow/{}/tasks start count status
GET    /api/workflow/running/{} version startTime endTime
PUT    /api/workflow/decide/{}
PUT    /api/workflow/{}/pause
PUT    /api/workflow/{}/resume
POST   /api/workflow/{}/restart useLatestDefinitions
POST   /api/workflow/{}/retry resumeSubworkflowTasks
POST   /api/workflow/test
POST   /api/workflow/execute/{}/{} requestId waitUntilTaskRef waitForSeconds consistency returnStrategy
POST   /api/workflow/{}/rerun
PUT    /api/workflow/{}/skiptask/{}
POST   /api/workflow/{}/resetcallbacks
POST   /api/workflow/{}/messages
DELETE /api/workflow/{} reason triggerFailureWorkflow
DELETE /api/workflow/{}/remove archiveWorkflow
DELETE /api/workflow/{}/terminate-remove reason archiveWorkflow triggerFailureWorkflow
GET    /api/workflow/search start size sort freeText query classifier topLevelOnly
GET    /api/workflow/search-v2 start size sort freeText query classifier topLevelOnly
GET    /api/workflow/search-by-tasks start size sort freeText query
GET    /api/workflow/search-by-tasks-v2 start size sort freeText query
PUT    /api/workflow/bulk/pause
PUT    /api/workflow/bulk/resume
POST   /api/workflow/bulk/restart useLatestDefinitions
POST   /api/workflow/bulk/retry
POST   /api/workflow/bulk/search includeTasks
POST   /api/workflow/bulk/terminate reason triggerFailureWorkflow
DELETE /api/workflow/bulk/remove archiveWorkflow
DELETE /api/workflow/bulk/terminate-remove reason archiveWorkflow triggerFailureWorkflow
GET    /api/tasks/poll/{} workerid domain
GET    /api/tasks/poll/batch/{} workerid domain count timeout
POST   /api/tasks
POST   /api/tasks/update-v2
POST   /api/tasks/{}/{}/{} workerid
POST   /api/tasks/{}/{}/{}/sync workerid
POST   /api/tasks/{}/{}/signal
POST   /api/tasks/{}/{}/signal/sync returnStrategy timeoutMillis
POST   /api/tasks/{}/log
GET    /api/tasks/{}/log
GET    /api/tasks/{}
GET    /api/tasks/queue/sizes taskType
GET    /api/tasks/queue/size taskType domain isolationGroupId executionNamespace
GET    /api/tasks/queue/all
GET    /api/tasks/queue/all/verbose
GET    /api/tasks/search start size sort freeText query
GET    /api/tasks/search-v2 start size sort freeText query
GET    /api/tasks/queue/polldata taskType
GET    /api/tasks/queue/polldata/all
POST   /api/tasks/queue/requeue/{}
POST   /api/metadata/workflow overwrite
PUT    /api/metadata/workflow
POST   /api/metadata/workflow/validate
GET    /api/metadata/workflow classifier
GET    /api/metadata/workflow/{} version
GET    /api/metadata/workflow/latest-versions
GET    /api/metadata/workflow/names
GET    /api/metadata/workflow/names-and-versions
GET    /api/metadata/workflow/{}/versions
DELETE /api/metadata/workflow/{}/{}
POST   /api/metadata/taskdefs
PUT    /api/metadata/taskdefs
GET    /api/metadata/taskdefs
GET    /api/metadata/taskdefs/{}
DELETE /api/metadata/taskdefs/{}
POST   /api/event
PUT    /api/event
DELETE /api/event/{}
GET    /api/event
GET    /api/event/{} activeOnly
GET    /api/queue/size
GET    /api/queue/
POST   /api/queue/update/{}/{}/{}
POST   /api/queue/update/{}/task/{}/{}
GET    /api/environment
GET    /api/environment/{}
GET    /api/secrets
GET    /api/workflow/externalstoragelocation path operation payloadType
GET    /api/workflow/external-storage-location path operation payloadType
GET    /api/tasks/externalstoragelocation path operation payloadType
GET    /api/tasks/external-storage-location path operation payloadType
GET    /api/external/postgres/{}
GET    /api/admin/task/{} start count
POST   /api/admin/sweep/requeue/{}
POST   /api/admin/consistency/verifyAndRepair/{}
GET    /api/admin/queues verbose
"""
# What this server adds (docs/extensions.md); no path of the contract has the form of one of these.
ADDED = """
POST   /api/workflow/{}/variables
POST   /api/workflow/{}/state requestId waitUntilTaskRef waitForSeconds
POST   /api/workflow/bulk/start
PUT    /api/external/postgres/{}
GET    /api/tasks/poll/any/batch types workerid domain count timeout
"""


async def _no_metrics() -> bytes:
    return b""


def test_the_table_has_exactly_the_endpoints_of_the_contract_and_the_additions() -> None:
    listed = (CONTRACT + ADDED).split("\n")
    expected = {tuple(line.split()[:2]): set(line.split()[2:]) for line in listed if line}
    built = {
        (row.method, _without_names(row.path)): {query.name for query in row.query}
        for row in ROUTES
        if row.verb
    }
    assert built == expected


def test_no_two_rows_share_method_and_path_or_verb() -> None:
    assert len({(row.method, _without_names(row.path)) for row in ROUTES}) == len(ROUTES)
    verbs = [row.verb for row in ROUTES if row.verb]
    assert len(set(verbs)) == len(verbs)


def test_the_core_knows_the_verb_of_every_row() -> None:
    core = pytest.importorskip("fastcond._core", reason="the core is not built")
    unknown = {route.verb for route in ROUTES if route.verb} - set(core.verbs())
    assert not unknown, (
        f"no file in rust/node/src/calls has {sorted(unknown)}: write the verb, or list the path as absent"
    )


def test_a_literal_segment_is_tried_before_a_variable_one() -> None:
    rows = in_order(
        [Route("GET", "/a/{x}/c", "1"), Route("GET", "/{y}/b/c", "2"), Route("GET", "/a/b/c", "3")]
    )
    assert [row.verb for row in rows] == ["3", "1", "2"]


@pytest.mark.parametrize(
    ("raw", "path", "value"),
    [
        (b"/q/a%20b", "/q/a b", "a b"),
        (b"/q/a+b", "/q/a+b", "a+b"),
        (b"/q/a%2Fb", "/q/a%2Fb", "a/b"),
        (b"/q/a%2fb", "/q/a%2Fb", "a/b"),
        (b"/q/a%252Fb", "/q/a%252Fb", "a%2Fb"),
        (b"/q/100%25", "/q/100%25", "100%"),
        (b"/q/%C3%A9", "/q/\u00e9", "\u00e9"),
        (b"http://host:1/q/x?y=1", "/q/x", "x"),
    ],
)
def test_an_encoded_segment_keeps_its_meaning(raw: bytes, path: str, value: str) -> None:
    """Client rule 5: escapes are decoded, a plus stays a plus, an encoded slash does not split a segment."""
    routed, _ = target.split(raw)
    assert routed == path
    assert target.parameter(routed.split("/")[2]) == value


@pytest.mark.parametrize("raw", [b"/a%", b"/a%2", b"/a%zz", b"/%ff", b"a", b""])
def test_a_malformed_target_is_refused(raw: bytes) -> None:
    with pytest.raises(BadTarget):
        target.split(raw)


def test_a_query_with_too_many_fields_is_refused() -> None:
    with pytest.raises(BadTarget):
        target.query_fields(b"&".join([b"a=1"] * (target.QUERY_FIELDS_MAX + 1)))


@pytest.mark.parametrize(
    ("query", "params"),
    [
        (b"", {}),
        (b"reason=a+b&reason=c", {"reason": "a b,c"}),
        (b"reason=", {"reason": ""}),
        (b"status=A&status=B,C", {"status": "A,B,C"}),
        (b"size=%2B5", {"size": "5"}),
        (b"size=-1", {"size": "-1"}),
        (b"size=", {}),
        (b"deep=yes", {"deep": "true"}),
        (b"deep=OFF", {"deep": "false"}),
        (b"deep=", {}),
        (b"other=1", {}),
    ],
)
def test_query_parameters_are_converted_as_clients_expect(query: bytes, params: dict[str, str]) -> None:
    """Rest-api 1: spellings of booleans, repeated and comma-separated lists, empty numbers."""
    wanted = (text("reason"), many("status"), integer("size"), flag("deep"))
    assert query_parameters(wanted, target.query_fields(query)) == params


@pytest.mark.parametrize("query", [b"size=ten", b"size=1.5", b"size=0x10", b"deep=maybe"])
def test_an_unparsable_query_parameter_is_the_clients_mistake(query: bytes) -> None:
    with pytest.raises(BadParameter):
        query_parameters((integer("size"), flag("deep")), target.query_fields(query))


def test_a_missing_required_parameter_is_the_clients_mistake() -> None:
    with pytest.raises(BadParameter, match="'taskType'"):
        query_parameters((text("taskType", required=True),), {})


def test_path_and_query_parameters_come_together() -> None:
    row = next(row for row in ROUTES if row.verb == "workflow.status")
    scope = {
        "type": "http",
        "query_string": b"includeOutput=1",
        "path_params": {"workflowId": "a%2Fb"},
        "headers": [],
    }
    assert parameters(row, Request(scope)) == {"workflowId": "a/b", "includeOutput": "true"}


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON; charset=utf-8", "application/problem+json"]
)
def test_json_in_all_its_names_is_taken(content_type: str) -> None:
    require_json(content_type)


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonx"]
)
def test_a_body_of_another_type_is_refused(content_type: str) -> None:
    with pytest.raises(UnsupportedMedia):
        require_json(content_type)


@pytest.mark.parametrize(
    "content_type", ["application/x-ndjson", "Application/JSONL; charset=utf-8", "application/json"]
)
def test_lines_of_json_in_all_their_names_are_taken(content_type: str) -> None:
    require_ndjson({"content-type": content_type})


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "text/plain"},
        {"content-type": "application/x-ndjson", "content-encoding": "gzip"},
    ],
)
def test_lines_of_another_type_or_compressed_are_refused(headers: dict[str, str]) -> None:
    with pytest.raises(UnsupportedMedia):
        require_ndjson(headers)


# Below: the application with no core behind it. Every request here must be answered before the core is asked.


def ask(method: str, path: str, **kwargs: Any) -> httpx.Response:
    async def exchange() -> httpx.Response:
        app = build_app(
            Calls(cast("Any", None)), probe=cast("Any", None), metrics_text=_no_metrics, instance="here"
        )
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.request(method, path, **kwargs)

    return asyncio.run(exchange())


def error(status: int, message: str) -> Mapping[str, object]:
    return {"status": status, "message": message, "instance": "here", "retryable": False}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/nothing"),
        ("POST", "/api/token"),
        ("GET", "/api/workflow/"),
        ("POST", "/api/tasks/t/ack"),
        ("POST", "/api/workflow/upgrade/w/now"),
        ("GET", "/api/queue"),
        ("GET", "/index.html"),
    ],
)
def test_an_unknown_path_answers_the_contracts_404(method: str, path: str) -> None:
    response = ask(method, path)
    assert response.status_code == 404
    assert response.json() == error(404, f"No static resource {path.lstrip('/')}.")
    assert response.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/api/tasks/queue/some/id", {"POST"}),
        ("DELETE", "/api/tasks/queue/some/id", {"POST"}),
        ("PUT", "/api/workflow/some", {"GET", "HEAD", "POST", "DELETE"}),
        ("GET", "/api/metadata/workflow/some/tags", {"DELETE"}),
        ("POST", "/health", {"GET", "HEAD"}),
    ],
)
def test_a_known_path_with_another_method_answers_405(method: str, path: str, allow: set[str]) -> None:
    """Client rule 18: six clients switch behaviour on exactly 405."""
    response = ask(method, path)
    assert response.status_code == 405
    assert response.json() == error(405, f"Request method '{method}' is not supported")
    assert set(response.headers["allow"].split(", ")) == allow | {"OPTIONS"}


def test_options_names_the_methods_of_a_path() -> None:
    response = ask("OPTIONS", "/api/metadata/taskdefs")
    assert (response.status_code, response.content) == (200, b"")
    assert set(response.headers["allow"].split(", ")) == {"GET", "HEAD", "POST", "PUT", "OPTIONS"}


def test_a_form_body_on_a_json_endpoint_answers_415() -> None:
    response = ask("POST", "/api/metadata/taskdefs", data={"a": "1"})
    assert response.status_code == 415
    assert response.json()["message"].startswith("Content-Type 'application/x-www-form-urlencoded'")


def test_a_bad_parameter_answers_400() -> None:
    response = ask("GET", "/api/workflow/search?size=ten")
    assert response.status_code == 400
    assert response.json() == error(400, "size: 'ten' is not a whole number")


def test_version_is_bare_text_whatever_the_client_accepts() -> None:
    response = ask("GET", "/api/version", headers={"accept": "application/json"})
    assert response.text == "3.32.1"
    assert response.headers["content-type"] == "text/plain;charset=UTF-8"


def _without_names(path: str) -> str:
    return "/".join("{}" if segment.startswith("{") else segment for segment in path.split("/"))
