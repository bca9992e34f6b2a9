"""Paths of the contract that are not built yet and that a row with variables would swallow: they answer 404.

A row leaves this file when its endpoint is built.
"""

from __future__ import annotations

from fastcond.http.table import Route

ROUTES = tuple(
    Route(method, path, "")
    for method, path in (
        ("GET", "/api/workflow/search-by-tasks"),
        ("GET", "/api/workflow/search-by-tasks-v2"),
        ("GET", "/api/workflow/externalstoragelocation"),
        ("GET", "/api/workflow/external-storage-location"),
        ("GET", "/api/tasks/search"),
        ("GET", "/api/tasks/search-v2"),
        ("GET", "/api/tasks/externalstoragelocation"),
        ("GET", "/api/tasks/external-storage-location"),
    )
)
