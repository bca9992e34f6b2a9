"""Sizes of the ready queues and who polls them (rest-api 5, rows 12 to 18)."""

from __future__ import annotations

from fastcond.http.table import Route, many, text

BASE = "/api/tasks/queue"

ROUTES = (
    Route("GET", f"{BASE}/sizes", "queue.sizes", (many("taskType", required=True),)),
    Route(
        "GET",
        f"{BASE}/size",
        "queue.size",
        (
            text("taskType", required=True),
            text("domain"),
            text("isolationGroupId"),
            text("executionNamespace"),
        ),
    ),
    Route("GET", f"{BASE}/all", "queue.all"),
    Route("GET", f"{BASE}/all/verbose", "queue.all_verbose"),
    Route("GET", f"{BASE}/polldata", "queue.polldata", (text("taskType", required=True),)),
    Route("GET", f"{BASE}/polldata/all", "queue.polldata_all"),
    Route("POST", f"{BASE}/requeue/{{taskType}}", "queue.requeue"),
)
