"""The route table: one file per resource of Conductor's API, joined here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastcond.http.routes import absent, bulk, events, metadata, queues, tasks, workflow

if TYPE_CHECKING:
    from fastcond.http.table import Route

ROUTES: tuple[Route, ...] = (
    *metadata.ROUTES,
    *workflow.ROUTES,
    *bulk.ROUTES,
    *tasks.ROUTES,
    *queues.ROUTES,
    *events.ROUTES,
    *absent.ROUTES,
)
