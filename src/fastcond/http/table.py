"""What a row of the route table says, and the order in which rows are tried.

A row maps a method and a path to a verb of the core. Rows are data: the one endpoint in `http/endpoint.py`
serves all of them, and what is not in a row (defaults, conversions, answers) is decided by the core.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

# json: parsed by the core, a JSON content type is asked for when there is a body. ndjson: JSON texts, one per
# line, parsed by the core; the content type is asked for too. raw: bytes of any content type. none: the route
# defines no body; whatever a client sends (nothing, {}, null) is ignored.
BodyKind = Literal["json", "ndjson", "raw", "none"]
QueryKind = Literal["text", "int", "bool", "list"]


@dataclass(frozen=True)
class Query:
    """A query parameter a route reads."""

    name: str
    kind: QueryKind = "text"
    is_required: bool = False


@dataclass(frozen=True)
class Route:
    """A row of the route table.

    An empty verb marks a path of the contract that is not built yet but that a row with variables would
    otherwise swallow; it answers 404 like any unknown path.
    """

    method: str
    path: str
    verb: str
    query: tuple[Query, ...] = ()
    body: BodyKind = "none"
    # The verb also gets `base`: the address by which the client knows this server, a slash at its end.
    has_base: bool = False


def text(name: str, *, required: bool = False) -> Query:
    """Return a parameter taken as it is; repeated values are joined with commas."""
    return Query(name, "text", required)


def integer(name: str) -> Query:
    """Return a whole-number parameter; an empty value counts as absent."""
    return Query(name, "int")


def flag(name: str) -> Query:
    """Return a boolean parameter in any of its accepted spellings; an empty value counts as absent."""
    return Query(name, "bool")


def many(name: str, *, required: bool = False) -> Query:
    """Return a list parameter, repeated or comma-separated."""
    return Query(name, "list", required)


def in_order(routes: Iterable[Route]) -> list[Route]:
    """Sort rows so that a literal segment is tried before a variable one in the same place."""
    return sorted(routes, key=lambda route: [segment.startswith("{") for segment in route.path.split("/")])
