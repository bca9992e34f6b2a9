"""The request target: split and percent-decoded without losing what an encoded slash means.

A path segment may hold any character, a slash included, as long as it is encoded (an event or a task type
can be called `a/b`). The path handed to the router therefore keeps `%2F` and `%25` as they are and decodes
everything else; the value of a path parameter is decoded once more when it is read. A `+` in a path stays a
`+`.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

from fastcond.errors import BadTarget

_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})?")
_KEPT = {b"2F", b"25"}
_ABSOLUTE = re.compile(rb"^https?://[^/?#]*", re.IGNORECASE)
QUERY_FIELDS_MAX = 1000


def split(target: bytes) -> tuple[str, bytes]:
    """Return the path as the router wants it and the raw query."""
    target = _ABSOLUTE.sub(b"", target)
    path, _, query = target.partition(b"?")
    if not path.startswith(b"/") and path != b"*":
        raise BadTarget("the request target is not a path")
    try:
        return _ESCAPE.sub(_decoded_but_kept, path).decode("utf-8"), query
    except UnicodeDecodeError as error:
        raise BadTarget("the path is not UTF-8 once decoded") from error


def parameter(segment: str) -> str:
    """Return the value of a path parameter from its segment of the routed path."""
    return segment.replace("%2F", "/").replace("%25", "%")


def query_fields(query: bytes) -> dict[str, list[str]]:
    """Return the query's fields in the order given, each with all its values; `+` is a space here."""
    try:
        pairs = parse_qsl(
            query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=QUERY_FIELDS_MAX
        )
    except (UnicodeDecodeError, ValueError) as error:
        raise BadTarget("the query is malformed") from error
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return fields


def _decoded_but_kept(match: re.Match[bytes]) -> bytes:
    digits = match.group(1)
    if digits is None:
        raise BadTarget("the path has a percent sign that begins no escape")
    digits = digits.upper()
    return b"%" + digits if digits in _KEPT else bytes.fromhex(digits.decode("ascii"))
