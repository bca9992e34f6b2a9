"""Payloads that clients keep outside of executions (rest-api 3.1 row 25, 5 row 21, 7)."""

from __future__ import annotations

from fastcond.http.table import Route, text

BASE = "/api/external/postgres/{externalPayloadPath}"
LOCATION = (text("path", required=True), text("operation", required=True), text("payloadType", required=True))

LOCATIONS = (
    ("/api/workflow/externalstoragelocation", "workflow.externalstoragelocation"),
    ("/api/workflow/external-storage-location", "workflow.external_storage_location"),
    ("/api/tasks/externalstoragelocation", "tasks.externalstoragelocation"),
    ("/api/tasks/external-storage-location", "tasks.external_storage_location"),
)

ROUTES = (
    *(Route("GET", path, verb, LOCATION, has_base=True) for path, verb in LOCATIONS),
    Route("GET", BASE, "payloads.read"),
    # What the location of an upload names; the original signs an address of S3 instead.
    Route("PUT", BASE, "payloads.write", body="raw"),
)
