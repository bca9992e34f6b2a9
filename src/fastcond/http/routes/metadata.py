"""Task and workflow definitions (rest-api 6)."""

from __future__ import annotations

from fastcond.http.table import Route, flag, integer, text

BASE = "/api/metadata"

ROUTES = (
    Route("POST", f"{BASE}/taskdefs", "taskdefs.create", body="json"),
    Route("PUT", f"{BASE}/taskdefs", "taskdefs.update", body="json"),
    Route("GET", f"{BASE}/taskdefs", "taskdefs.list"),
    Route("GET", f"{BASE}/taskdefs/{{tasktype}}", "taskdefs.get"),
    Route("DELETE", f"{BASE}/taskdefs/{{tasktype}}", "taskdefs.delete"),
    Route("POST", f"{BASE}/workflow", "workflowdefs.create", (flag("overwrite"),), "json"),
    Route("PUT", f"{BASE}/workflow", "workflowdefs.update", body="json"),
    Route("POST", f"{BASE}/workflow/validate", "workflowdefs.validate", body="json"),
    Route("GET", f"{BASE}/workflow", "workflowdefs.list", (text("classifier"),)),
    Route("GET", f"{BASE}/workflow/latest-versions", "workflowdefs.latest"),
    Route("GET", f"{BASE}/workflow/names", "workflowdefs.names"),
    Route("GET", f"{BASE}/workflow/names-and-versions", "workflowdefs.names_and_versions"),
    Route("GET", f"{BASE}/workflow/{{name}}", "workflowdefs.get", (integer("version"),)),
    Route("GET", f"{BASE}/workflow/{{name}}/versions", "workflowdefs.versions"),
    Route("DELETE", f"{BASE}/workflow/{{name}}/{{version}}", "workflowdefs.delete"),
)
