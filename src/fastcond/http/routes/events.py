"""Event handlers, and messages that end a task (rest-api 7)."""

from __future__ import annotations

from fastcond.http.table import Route, flag

EVENT = "/api/event"
QUEUE = "/api/queue"

ROUTES = (
    Route("POST", EVENT, "events.create", body="json"),
    Route("PUT", EVENT, "events.update", body="json"),
    Route("GET", EVENT, "events.list"),
    Route("GET", f"{EVENT}/{{event}}", "events.of_event", (flag("activeOnly"),)),
    Route("DELETE", f"{EVENT}/{{name}}", "events.delete"),
    Route("GET", f"{QUEUE}/size", "default_queues.sizes"),
    Route("GET", f"{QUEUE}/", "default_queues.names"),
    Route(
        "POST",
        f"{QUEUE}/update/{{workflowId}}/{{taskRefName}}/{{status}}",
        "default_queues.update",
        body="json",
    ),
    Route(
        "POST",
        f"{QUEUE}/update/{{workflowId}}/task/{{taskId}}/{{status}}",
        "default_queues.update_task",
        body="json",
    ),
)
