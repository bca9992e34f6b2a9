"""Errors at the edge: the error body of the contract, and the one table from exception classes to statuses.

Errors decided by the core arrive complete and are passed through untouched; the table below has those that
arise in this package. It is closed: a test walks the exception tree and fails when a class that can reach a
client has no row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from starlette.responses import Response

from fastcond import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON = "application/json"
TEXT = "text/plain;charset=UTF-8"

# (status, retryable). The reference answers 500 for most mistakes of a client; 4xx is the variant it is safe
# to give.
STATUS: Mapping[type[errors.FastcondError], tuple[int, bool]] = {
    errors.BadTarget: (400, False),
    errors.BadParameter: (400, False),
    errors.UnsupportedMedia: (415, False),
    errors.Overloaded: (429, True),
    errors.StoreError: (503, True),
    errors.NotServing: (503, True),
}
# Classes that end a start or a task and never meet a request.
NEVER_AT_THE_EDGE = frozenset({errors.ConfigError, errors.EgressDenied})


def error_body(status: int, message: str, *, instance: str, retryable: bool = False) -> bytes:
    """Return the contract's error body (rest-api 2.1)."""
    return orjson.dumps({"status": status, "message": message, "instance": instance, "retryable": retryable})


def error_response(
    status: int,
    message: str,
    *,
    instance: str,
    retryable: bool = False,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return an error answer, JSON whatever the route's own type is."""
    return Response(
        error_body(status, message, instance=instance, retryable=retryable),
        status_code=status,
        headers={"content-type": JSON, **(headers or {})},
    )


def response_of(error: errors.FastcondError, *, instance: str) -> Response:
    """Turn one of our exceptions into its answer."""
    status, retryable = STATUS[type(error)]
    headers = {"retry-after": "1"} if status in {429, 503} else None
    return error_response(status, str(error), instance=instance, retryable=retryable, headers=headers)


def no_such_path(path: str) -> str:
    """Return the message for a path that is not mapped."""
    return f"No static resource {path.lstrip('/')}."


def method_not_supported(method: str) -> str:
    """Return the message for a mapped path asked with another method."""
    return f"Request method '{method}' is not supported"
