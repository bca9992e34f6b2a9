"""The one endpoint behind every row of the route table."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import Response

from fastcond.errors import BadParameter, UnsupportedMedia
from fastcond.http import target

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request

    from fastcond.http.table import Query, Route
    from fastcond.runtime.calls import Answer, Calls

_BOOLEANS = {"true": "true", "on": "true", "yes": "true", "1": "true",
             "false": "false", "off": "false", "no": "false", "0": "false"}  # fmt: skip
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_NDJSON_TYPES = frozenset(
    {"application/x-ndjson", "application/ndjson", "application/jsonl", "application/json"}
)
_JSON_TYPE = re.compile(r"application/(?:[a-z0-9!#$&^_.+-]+\+)?json", re.IGNORECASE)


def endpoint_of(route: Route, calls: Calls) -> Callable[[Request], Awaitable[Response]]:
    """Return the function that serves a row: collect parameters, submit the verb, pass its answer on."""

    async def endpoint(request: Request) -> Response:
        if not route.verb:
            raise HTTPException(404)
        params = parameters(route, request)
        if route.has_base:
            params["base"] = str(request.base_url)
        body = await request.body() if route.body != "none" else b""
        if route.body == "json" and body:
            require_json(request.headers.get("content-type", ""))
        if route.body == "ndjson":
            require_ndjson(request.headers)
        return response_of(await calls.submit(route.verb, params, body))

    return endpoint


def parameters(route: Route, request: Request) -> dict[str, str]:
    """Collect a row's path and query parameters; absent ones stay absent, the core has the defaults."""
    params = {name: target.parameter(value) for name, value in request.path_params.items()}
    if route.query:
        params |= query_parameters(route.query, target.query_fields(request.scope["query_string"]))
    return params


def query_parameters(wanted: tuple[Query, ...], given: Mapping[str, list[str]]) -> dict[str, str]:
    """Check and normalise the query parameters a row reads; everything else is ignored."""
    params: dict[str, str] = {}
    for query in wanted:
        values = given.get(query.name)
        value = None if values is None else _normal(query, values)
        if value is not None:
            params[query.name] = value
        elif query.is_required:
            raise BadParameter(f"Required request parameter '{query.name}' is not present")
    return params


def require_json(content_type: str) -> None:
    """Refuse a body whose content type is not JSON."""
    media_type = content_type.partition(";")[0].strip()
    if not _JSON_TYPE.fullmatch(media_type):
        raise UnsupportedMedia(f"Content-Type '{content_type}' is not supported")


def require_ndjson(headers: Mapping[str, str]) -> None:
    """Refuse a body that is not JSON texts, one per line, or that is compressed.

    The core answers what passes here by itself, as a hot route; what comes to Python is mostly refused.
    """
    content_type = headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() not in _NDJSON_TYPES:
        raise UnsupportedMedia(f"Content-Type '{content_type}' is not supported")
    if encoding := headers.get("content-encoding"):
        raise UnsupportedMedia(f"Content-Encoding '{encoding}' is not supported")


def response_of(answer: Answer) -> Response:
    """Return an answer of the core exactly as it is."""
    headers = {"content-type": answer.content_type} if answer.content_type else None
    return Response(answer.body, status_code=answer.status, headers=headers)


def _normal(query: Query, values: list[str]) -> str | None:
    match query.kind:
        case "text" | "list":
            return ",".join(values)
        case "int":
            value = values[0].strip()
            if not value:
                return None
            if not _INTEGER.fullmatch(value):
                raise BadParameter(f"{query.name}: '{value}' is not a whole number")
            return value.removeprefix("+")
        case "bool":
            value = values[0].strip()
            if not value:
                return None
            if value.lower() not in _BOOLEANS:
                raise BadParameter(f"{query.name}: '{value}' is not true or false")
            return _BOOLEANS[value.lower()]
