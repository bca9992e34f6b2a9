"""Paths of the contract that are not built yet and that a row with variables would swallow: they answer 404.

A row leaves this file when its endpoint is built.
"""

from __future__ import annotations

from fastcond.http.table import Route

ROUTES = tuple(
    Route(method, path, "")
    for method, path in (
        ("POST", "/api/workflow/test"),
    )
)
