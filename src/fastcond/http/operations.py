"""Endpoints about the server itself: health, version, metrics (rest-api 7, product 4.2)."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from starlette.responses import Response
from starlette.routing import Route

from fastcond.config import COMPATIBLE_VERSION
from fastcond.http.errors import JSON, TEXT
from fastcond.version import version

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from fastcond.runtime.health import Health, Probe

PROMETHEUS = "text/plain;version=0.0.4;charset=utf-8"


def operation_routes(probe: Probe, metrics_text: Callable[[], Awaitable[bytes]]) -> list[Route]:
    """Return the routes; `metrics_text` makes the whole Prometheus text on each scrape."""

    def json_of(make: Callable[[Health], tuple[bool, Any]]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(_: Request) -> Response:
            ok, body = make(probe.look())
            return Response(orjson.dumps(body), 200 if ok else 503, {"content-type": JSON})

        return endpoint

    async def metrics(_: Request) -> Response:
        return Response(await metrics_text(), headers={"content-type": PROMETHEUS})

    async def api_version(_: Request) -> Response:
        return Response(COMPATIBLE_VERSION, headers={"content-type": TEXT})

    async def admin_config(_: Request) -> Response:
        return Response(orjson.dumps(config_body()), headers={"content-type": JSON})

    rows: dict[str, Callable[[Request], Awaitable[Response]]] = {
        "/health": json_of(health_body),
        "/api/health": json_of(health_body),
        "/api/version": api_version,
        "/api/admin/config": admin_config,
        "/livez": json_of(lambda _: (True, {"status": "UP"})),
        "/startupz": json_of(lambda _: (True, {"status": "UP"})),
        "/readyz": json_of(readiness_body),
        "/actuator": json_of(lambda _: (True, actuator_links())),
        "/actuator/health": json_of(actuator_health_body),
        "/actuator/health/liveness": json_of(lambda _: (True, {"status": "UP"})),
        "/actuator/health/readiness": json_of(readiness_body),
        "/actuator/info": json_of(lambda _: (True, {"app": {"name": "fastcond", "version": version()}})),
        "/actuator/prometheus": metrics,
        "/metrics": metrics,
    }
    return [Route(path, endpoint, methods=["GET"]) for path, endpoint in rows.items()]


def health_body(health: Health) -> tuple[bool, dict[str, Any]]:
    """Return Conductor's health shape with real checks, the store and its durability class beside it.

    200 while the process serves, since clients probe it to learn whether a server runs; 503 once the store
    failed.
    """
    results = (
        []
        if health.is_healthy
        else [{"healthy": False, "errorMessage": health.reason, "details": {"check": "store"}}]
    )
    body: dict[str, Any] = {
        "healthResults": results,
        "suppressedHealthResults": [],
        "healthy": health.is_healthy,
        **health.description,
        "version": version(),
    }
    if health.reason is not None:
        body["reason"] = health.reason
    return health.is_healthy, body


def actuator_health_body(health: Health) -> tuple[bool, dict[str, Any]]:
    """Return Spring's health shape; 503 when down."""
    status = "UP" if health.is_healthy else "DOWN"
    details = dict(health.description) | ({} if health.reason is None else {"reason": health.reason})
    return health.is_healthy, {
        "status": status,
        "components": {"store": {"status": status, "details": details}},
    }


def config_body() -> dict[str, str]:
    """Return what this server is (rest-api 7); no settings, which may hold what is nobody's business."""
    built = datetime.fromtimestamp(Path(__file__).stat().st_mtime, tz=UTC)
    return {
        "version": COMPATIBLE_VERSION,
        "buildDate": built.isoformat(timespec="seconds"),
        "fastcond.version": version(),
        "os.name": platform.system(),
        "os.arch": platform.machine(),
    }


def readiness_body(health: Health) -> tuple[bool, dict[str, Any]]:
    """Return whether new work should be sent here: the store can take it and the server is not stopping."""
    if health.is_ready:
        return True, {"status": "UP"}
    return False, {"status": "OUT_OF_SERVICE", "reason": health.reason}


def actuator_links() -> dict[str, Any]:
    """Return the index of the actuator endpoints."""
    links = {
        name: {"href": f"/actuator/{name}", "templated": False} for name in ("health", "info", "prometheus")
    }
    return {"_links": {"self": {"href": "/actuator", "templated": False}, **links}}
