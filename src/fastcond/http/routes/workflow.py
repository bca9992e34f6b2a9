"""Executions: start, read, search and operate (rest-api 3)."""

from __future__ import annotations

from fastcond.http.table import Route, flag, integer, many, text

BASE = "/api/workflow"
ONE = f"{BASE}/{{workflowId}}"

SEARCH_BY_TASKS = (integer("start"), integer("size"), text("sort"), text("freeText"), text("query"))
SEARCH = (*SEARCH_BY_TASKS, text("classifier"), flag("topLevelOnly"))
CORRELATED = (flag("includeClosed"), flag("includeTasks"))

ROUTES = (
    Route("POST", BASE, "workflow.start", body="json"),
    Route(
        "POST",
        f"{BASE}/{{name}}",
        "workflow.start_by_name",
        (integer("version"), text("correlationId"), integer("priority")),
        "json",
    ),
    Route(
        "POST",
        f"{BASE}/execute/{{name}}/{{version}}",
        "workflow.execute",
        (
            text("requestId"),
            text("waitUntilTaskRef"),
            integer("waitForSeconds"),
            text("consistency"),
            text("returnStrategy"),
        ),
        "json",
    ),
    Route("POST", f"{BASE}/test", "workflow.test", body="json"),
    Route("GET", f"{BASE}/search", "workflow.search", SEARCH),
    Route("GET", f"{BASE}/search-v2", "workflow.search_v2", SEARCH),
    Route("GET", f"{BASE}/search-by-tasks", "workflow.search_by_tasks", SEARCH_BY_TASKS),
    Route("GET", f"{BASE}/search-by-tasks-v2", "workflow.search_by_tasks_v2", SEARCH_BY_TASKS),
    Route(
        "GET",
        f"{BASE}/running/{{name}}",
        "workflow.running",
        (integer("version"), integer("startTime"), integer("endTime")),
    ),
    Route("GET", f"{BASE}/{{name}}/correlated/{{correlationId}}", "workflow.correlated", CORRELATED),
    Route("POST", f"{BASE}/{{name}}/correlated", "workflow.correlated_many", CORRELATED, "json"),
    Route("GET", ONE, "workflow.get", (flag("includeTasks"),)),
    Route("GET", f"{ONE}/status", "workflow.status", (flag("includeOutput"), flag("includeVariables"))),
    Route("GET", f"{ONE}/tasks", "workflow.tasks", (integer("start"), integer("count"), many("status"))),
    Route("PUT", f"{BASE}/decide/{{workflowId}}", "workflow.decide"),
    Route("PUT", f"{ONE}/pause", "workflow.pause"),
    Route("PUT", f"{ONE}/resume", "workflow.resume"),
    Route("POST", f"{ONE}/retry", "workflow.retry", (flag("resumeSubworkflowTasks"),)),
    Route("POST", f"{ONE}/restart", "workflow.restart", (flag("useLatestDefinitions"),)),
    Route("POST", f"{ONE}/rerun", "workflow.rerun", body="json"),
    Route("PUT", f"{ONE}/skiptask/{{taskReferenceName}}", "workflow.skip", body="json"),
    Route("POST", f"{ONE}/variables", "workflow.variables", body="json"),
    Route(
        "POST",
        f"{ONE}/state",
        "workflow.state",
        (text("requestId"), text("waitUntilTaskRef"), integer("waitForSeconds")),
        "json",
    ),
    Route("POST", f"{ONE}/resetcallbacks", "workflow.resetcallbacks"),
    Route("POST", f"{ONE}/messages", "workflow.post_message", body="json"),
    Route("DELETE", ONE, "workflow.terminate", (text("reason"), flag("triggerFailureWorkflow"))),
    Route("DELETE", f"{ONE}/remove", "workflow.remove", (flag("archiveWorkflow"),)),
    Route(
        "DELETE",
        f"{ONE}/terminate-remove",
        "workflow.terminate_remove",
        (text("reason"), flag("archiveWorkflow"), flag("triggerFailureWorkflow")),
    ),
)
