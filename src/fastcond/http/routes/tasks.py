"""Polling, updating and reading tasks (rest-api 5); polling for several types at once is an addition."""

from __future__ import annotations

from fastcond.http.table import Route, integer, many, text

BASE = "/api/tasks"
SEARCH = (integer("start"), integer("size"), text("sort"), text("freeText"), text("query"))
BY_REFERENCE = f"{BASE}/{{workflowId}}/{{taskRefName}}/{{status}}"

ROUTES = (
    Route("GET", f"{BASE}/poll/{{tasktype}}", "tasks.poll", (text("workerid"), text("domain"))),
    Route(
        "GET",
        f"{BASE}/poll/batch/{{tasktype}}",
        "tasks.poll_batch",
        (text("workerid"), text("domain"), integer("count"), integer("timeout")),
    ),
    Route(
        "GET",
        f"{BASE}/poll/any/batch",
        "tasks.poll_any",
        (
            many("types", required=True),
            text("workerid"),
            text("domain"),
            integer("count"),
            integer("timeout"),
        ),
    ),
    Route("POST", BASE, "tasks.update", body="json"),
    Route("POST", f"{BASE}/update-v2", "tasks.update_v2", body="json"),
    Route("POST", BY_REFERENCE, "tasks.update_by_ref", (text("workerid"),), "json"),
    Route("POST", f"{BY_REFERENCE}/sync", "tasks.update_by_ref_sync", (text("workerid"),), "json"),
    Route("POST", f"{BASE}/{{workflowId}}/{{status}}/signal", "tasks.signal", body="json"),
    Route(
        "POST",
        f"{BASE}/{{workflowId}}/{{status}}/signal/sync",
        "tasks.signal_sync",
        (text("returnStrategy"), integer("timeoutMillis")),
        "json",
    ),
    Route("POST", f"{BASE}/{{taskId}}/log", "tasks.log_add", body="raw"),
    Route("GET", f"{BASE}/{{taskId}}/log", "tasks.log_get"),
    Route("GET", f"{BASE}/search", "tasks.search", SEARCH),
    Route("GET", f"{BASE}/search-v2", "tasks.search_v2", SEARCH),
    Route("GET", f"{BASE}/{{taskId}}", "tasks.get"),
)
