"""The route table: one file per resource of Conductor's API, joined here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastcond.http.routes import (
    admin,
    bulk,
    environment,
    events,
    metadata,
    payloads,
    queues,
    tasks,
    workflow,
)

if TYPE_CHECKING:
    from fastcond.http.table import Route

ROUTES: tuple[Route, ...] = (
    *metadata.ROUTES,
    *workflow.ROUTES,
    *bulk.ROUTES,
    *tasks.ROUTES,
    *queues.ROUTES,
    *events.ROUTES,
    *environment.ROUTES,
    *payloads.ROUTES,
    *admin.ROUTES,
)
