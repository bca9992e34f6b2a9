"""The Starlette application: the route table, the operations, and what happens when nothing matches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match, Route

from fastcond.errors import FastcondError
from fastcond.http.endpoint import endpoint_of
from fastcond.http.errors import error_response, method_not_supported, no_such_path, response_of
from fastcond.http.openapi import openapi_routes
from fastcond.http.operations import operation_routes
from fastcond.http.routes import ROUTES
from fastcond.http.table import in_order

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from fastcond.runtime.calls import Calls
    from fastcond.runtime.health import Probe


def build_app(
    calls: Calls, *, probe: Probe, metrics_text: Callable[[], Awaitable[bytes]], instance: str
) -> Starlette:
    """Return the application that answers every request the core does not answer itself."""
    operations = operation_routes(probe, metrics_text)
    routes = [
        *operations,
        *openapi_routes(in_order(ROUTES), operations),
        *(
            Route(row.path, endpoint_of(row, calls), methods=[row.method], name=row.verb)
            for row in in_order(ROUTES)
        ),
    ]

    async def on_http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException), "registered for this class"  # noqa: S101 - invariant
        if error.status_code == 405:
            return _wrong_method(request, routes, instance)
        path = request.scope["raw_path"].decode("latin-1")
        message = no_such_path(path) if error.status_code == 404 else error.detail
        return error_response(error.status_code, message, instance=instance)

    async def on_our_error(_: Request, error: Exception) -> Response:
        assert isinstance(error, FastcondError), "registered for this class"  # noqa: S101 - invariant
        return response_of(error, instance=instance)

    async def on_fault(_: Request, error: Exception) -> Response:
        return error_response(500, f"internal error: {type(error).__name__}", instance=instance)

    app = Starlette(
        routes=routes,
        exception_handlers={HTTPException: on_http_error, FastcondError: on_our_error, Exception: on_fault},
    )
    app.router.redirect_slashes = False
    return app


def allowed_methods(routes: list[Route], scope: dict[str, object]) -> list[str]:
    """Return every method the table knows for a path, whatever row it would match."""
    methods: set[str] = set()
    for route in routes:
        if route.matches(scope)[0] is not Match.NONE:
            methods |= route.methods or set()
    return sorted(methods)


def _wrong_method(request: Request, routes: list[Route], instance: str) -> Response:
    methods = allowed_methods(routes, dict(request.scope))
    allow = {"allow": ", ".join([*methods, "OPTIONS"])}
    if request.method == "OPTIONS":
        return Response(status_code=200, headers=allow)
    return error_response(405, method_not_supported(request.method), instance=instance, headers=allow)
