"""What the server's environment offers to definitions (rest-api 7); values of secrets are not to be had."""

from __future__ import annotations

from fastcond.http.table import Route

ROUTES = (
    Route("GET", "/api/environment", "environment.list"),
    Route("GET", "/api/environment/{key}", "environment.get"),
    Route("GET", "/api/secrets", "secrets.names"),
)
