"""One operation on many executions (rest-api 4); starting many at once is an addition."""

from __future__ import annotations

from fastcond.http.table import Route, flag, text

BASE = "/api/workflow/bulk"

ROUTES = (
    Route("POST", f"{BASE}/start", "bulk.start", body="ndjson"),
    Route("PUT", f"{BASE}/pause", "bulk.pause", body="json"),
    Route("PUT", f"{BASE}/resume", "bulk.resume", body="json"),
    Route("POST", f"{BASE}/restart", "bulk.restart", (flag("useLatestDefinitions"),), "json"),
    Route("POST", f"{BASE}/retry", "bulk.retry", body="json"),
    Route("POST", f"{BASE}/search", "bulk.search", (flag("includeTasks"),), "json"),
    Route(
        "POST",
        f"{BASE}/terminate",
        "bulk.terminate",
        (text("reason"), flag("triggerFailureWorkflow")),
        "json",
    ),
    Route("DELETE", f"{BASE}/remove", "bulk.remove", (flag("archiveWorkflow"),), "json"),
    Route(
        "DELETE",
        f"{BASE}/terminate-remove",
        "bulk.terminate_remove",
        (text("reason"), flag("archiveWorkflow"), flag("triggerFailureWorkflow")),
        "json",
    ),
)
