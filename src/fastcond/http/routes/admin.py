"""Looks at what waits and at single executions (rest-api 7)."""

from __future__ import annotations

from fastcond.http.table import Route, flag, integer

ROUTES = (
    Route("GET", "/api/admin/task/{tasktype}", "admin.pending_tasks", (integer("start"), integer("count"))),
    Route("POST", "/api/admin/sweep/requeue/{workflowId}", "admin.requeue"),
    Route("POST", "/api/admin/consistency/verifyAndRepair/{workflowId}", "admin.verify"),
    Route("GET", "/api/admin/queues", "admin.queues", (flag("verbose"),)),
)
