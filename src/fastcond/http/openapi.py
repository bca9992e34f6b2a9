"""The OpenAPI 3.1 document, made from the route table, and the page that shows it (rest-api 7).

The page is Swagger UI from files in `swagger/` beside this module: nothing is fetched from another host.
"""

from __future__ import annotations

import gzip
import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import orjson
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route as Served

from fastcond.http.errors import JSON
from fastcond.version import version

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from starlette.requests import Request

    from fastcond.http.table import BodyKind, Query, Route

# Verbs whose answer is bare text; a client library that expects JSON there would fail (client rule 7).
TEXT_VERBS = frozenset(
    {
        "workflow.start",
        "workflow.start_by_name",
        "workflow.rerun",
        "workflow.post_message",
        "tasks.update",
        "tasks.update_by_ref",
        "queue.requeue",
        "environment.get",
        "admin.requeue",
        "admin.verify",
    }
)
# Verbs whose answer has no body at all; 200 or 204 says that it is done.
EMPTY_VERBS = frozenset(
    {
        "workflow.decide",
        "workflow.pause",
        "workflow.resume",
        "workflow.skip",
        "workflow.restart",
        "workflow.retry",
        "workflow.resetcallbacks",
        "workflow.terminate",
        "workflow.remove",
        "workflow.terminate_remove",
        "tasks.signal",
        "tasks.log_add",
        "taskdefs.create",
        "taskdefs.update",
        "taskdefs.delete",
        "workflowdefs.create",
        "workflowdefs.validate",
        "workflowdefs.delete",
        "events.create",
        "events.update",
        "events.delete",
        "default_queues.update",
        "default_queues.update_task",
        "payloads.write",
    }
)
# Verbs that answer 204 when there is nothing.
NOTHING_VERBS = frozenset({"tasks.poll", "tasks.update_v2", "tasks.log_get"})
# The version is left out of the document in Conductor too; the others are the document itself.
HIDDEN = frozenset({"/api/version"})
PAGE = "/swagger-ui/index.html"
# Swagger UI sets styles by script and has its icons in its style sheet.
POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"
ASSETS = {
    "index.html": "text/html;charset=utf-8",
    "start.js": "text/javascript;charset=utf-8",
    "swagger-ui.css": "text/css;charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript;charset=utf-8",
}
_SCHEMAS: dict[str, dict[str, Any]] = {
    "text": {"type": "string"},
    "int": {"type": "integer", "format": "int64"},
    "bool": {"type": "boolean"},
    "list": {"type": "array", "items": {"type": "string"}},
}
_BODIES: dict[BodyKind, str] = {"json": JSON, "ndjson": "application/x-ndjson", "raw": "text/plain"}
_ERROR = {
    "type": "object",
    "required": ["status", "message", "retryable"],
    "properties": {
        "status": {"type": "integer"},
        "message": {"type": "string"},
        "instance": {"type": "string"},
        "retryable": {"type": "boolean"},
        "validationErrors": {"type": "array", "items": {"type": "object"}},
    },
}


def document(rows: Iterable[Route], operations: Iterable[Served]) -> dict[str, Any]:
    """Return the document: every row that is built, and the operations beside the table."""
    paths: dict[str, dict[str, Any]] = {}
    # Two rows may name a variable in the same place differently; in a document they are one path.
    spelled: dict[str, str] = {}
    for row in rows:
        if row.verb:
            path = spelled.setdefault(re.sub(r"\{\w+\}", "{}", row.path), row.path)
            paths.setdefault(path, {})[row.method.lower()] = _operation(row, path)
    for served in operations:
        if served.path not in HIDDEN:
            paths.setdefault(served.path, {})["get"] = {
                "operationId": re.sub(r"\W+", "_", served.path.strip("/")),
                "tags": ["server"],
                "responses": {"200": {"description": "OK"}},
            }
    return {
        "openapi": "3.1.0",
        "info": {"title": "fastcond", "version": version(), "license": {"name": "Apache-2.0"}},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": {"ErrorResponse": _ERROR}},
    }


def openapi_routes(rows: Iterable[Route], operations: Iterable[Served]) -> list[Served]:
    """Return the routes of the document and of its page."""
    text = orjson.dumps(document(rows, operations), option=orjson.OPT_INDENT_2)
    config = orjson.dumps({"configUrl": "/api-docs/swagger-config", "url": "/api-docs", "validatorUrl": ""})

    async def page(_: Request) -> Response:
        return RedirectResponse(PAGE, status_code=302)

    return [
        Served("/api-docs", _fixed(text, JSON), methods=["GET"]),
        # Every JSON text is a YAML text.
        Served("/api-docs.yaml", _fixed(text, "application/vnd.oai.openapi"), methods=["GET"]),
        Served("/api-docs/swagger-config", _fixed(config, JSON), methods=["GET"]),
        Served("/swagger-ui.html", page, methods=["GET"]),
        *(Served(f"/swagger-ui/{name}", _asset(name), methods=["GET"]) for name in ASSETS),
    ]


def _operation(row: Route, path: str) -> dict[str, Any]:
    resource, _, action = row.verb.partition(".")
    done: dict[str, Any] = {"description": "Done"}
    if row.verb not in EMPTY_VERBS:
        done["content"] = {"text/plain" if row.verb in TEXT_VERBS else JSON: {"schema": {}}}
    nothing = {"204": {"description": "Nothing"}} if row.verb in NOTHING_VERBS else {}
    error = {"schema": {"$ref": "#/components/schemas/ErrorResponse"}}
    operation: dict[str, Any] = {
        "operationId": row.verb.replace(".", "_"),
        "summary": f"{resource}: {action.replace('_', ' ')}",
        "tags": [resource],
        "parameters": [*_path_parameters(path), *(_query_parameter(query) for query in row.query)],
        "responses": {
            "2XX": done,
            **nothing,
            "default": {"description": "Refused", "content": {JSON: error}},
        },
    }
    if row.body in _BODIES:
        operation["requestBody"] = {"content": {_BODIES[row.body]: {"schema": {}}}}
    return operation


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in re.findall(r"\{(\w+)\}", path)
    ]


def _query_parameter(query: Query) -> dict[str, Any]:
    return {
        "name": query.name,
        "in": "query",
        "required": query.is_required,
        "schema": _SCHEMAS[query.kind],
    }


def _fixed(body: bytes, content_type: str) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(_: Request) -> Response:
        return Response(body, headers={"content-type": content_type})

    return endpoint


def _asset(name: str) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(_: Request) -> Response:
        headers = {
            "content-type": ASSETS[name],
            "cache-control": "no-cache",
            "content-security-policy": POLICY,
            "x-content-type-options": "nosniff",
        }
        return Response(asset(name), headers=headers)

    return endpoint


@cache
def asset(name: str) -> bytes:
    """Return a file of the page; the large ones are packed in the package."""
    folder = files("fastcond.http").joinpath("swagger")
    packed = folder.joinpath(f"{name}.gz")
    return gzip.decompress(packed.read_bytes()) if packed.is_file() else folder.joinpath(name).read_bytes()
