"""A tiny jq: paths, `[]`, `|`, `,`, `+ - *`, comparison, literals, objects, map, select, length (S-39)."""

from __future__ import annotations

import itertools
import json
import operator
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.oracle.model import Json

    Filter = Callable[[Json], Iterator[Json]]

_TOKEN = re.compile(r'\s*(?:(\d+)|("(?:[^"\\]|\\.)*")|(\.?[A-Za-z_]\w*)|(==|!=|<=|>=|[-+*<>|,.:()\[\]{}]))')


def _order(value: Json) -> tuple[object, ...]:
    """Where a value stands among all: null, false, true, numbers, texts, lists, objects."""
    if value is None or isinstance(value, bool):
        return (0, {None: 0, False: 1, True: 2}[value])
    if isinstance(value, int | float):
        return (1, value)
    if isinstance(value, str):
        return (2, value)
    if isinstance(value, list):
        return (3, [_order(item) for item in value])
    return (4, sorted(value), [_order(value[key]) for key in sorted(value)])


def _compared(operation: Callable[[Json, Json], bool]) -> Callable[[Json, Json], Json]:
    return lambda a, b: operation(_order(a), _order(b))


_COMPARISONS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_LEVELS: tuple[dict[str, Callable[[Json, Json], Json]], ...] = (
    {word: _compared(operation) for word, operation in _COMPARISONS.items()},
    {"+": operator.add, "-": operator.sub},
    {"*": operator.mul},
)


class JqError(Exception):
    """The filter does not parse, or failed."""


def results(source: str, document: Json) -> list[Json]:
    """All results of a filter on a document."""
    reader = _Reader(_tokens(source))
    found = reader.pipe()
    if reader.position != len(reader.tokens):
        raise JqError(f"unexpected {reader.tokens[reader.position]}")
    try:
        return list(found(document))
    except (TypeError, KeyError, AttributeError) as error:
        raise JqError(str(error)) from error


def _tokens(source: str) -> list[str]:
    found, position = [], 0
    while position < len(source.rstrip()):
        token = _TOKEN.match(source, position)
        if token is None:
            raise JqError(f"cannot read {source[position:]}")
        found.append(token.group().strip())
        position = token.end()
    return found


class _Reader:
    """Reads tokens into functions from one value to many."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.position = 0

    def _next_is(self, token: str) -> bool:
        if self.position < len(self.tokens) and self.tokens[self.position] == token:
            self.position += 1
            return True
        return False

    def _take(self) -> str:
        if self.position >= len(self.tokens):
            raise JqError("the filter ends too early")
        self.position += 1
        return self.tokens[self.position - 1]

    def _need(self, token: str) -> None:
        if self._take() != token:
            raise JqError(f"{token} is missing")

    def pipe(self) -> Filter:
        first = self._comma()
        if not self._next_is("|"):
            return first
        rest = self.pipe()
        return lambda value: itertools.chain.from_iterable(rest(each) for each in first(value))

    def _comma(self) -> Filter:
        parts = [self._binary(0)]
        while self._next_is(","):
            parts.append(self._binary(0))
        return lambda value: itertools.chain.from_iterable(part(value) for part in parts)

    def _binary(self, level: int) -> Filter:
        if level == len(_LEVELS):
            return self._postfix()
        left = self._binary(level + 1)
        while self.position < len(self.tokens) and self.tokens[self.position] in _LEVELS[level]:
            left = _combined(_LEVELS[level][self._take()], left, self._binary(level + 1))
        return left

    def _postfix(self) -> Filter:
        found = self._term()
        while self.position < len(self.tokens):
            token = self.tokens[self.position]
            if token.startswith(".") and len(token) > 1:
                self.position += 1
                found = _member(found, token[1:])
            elif token == "[":
                self.position += 1
                found = self._bracket(found)
            else:
                break
        return found

    def _bracket(self, found: Filter) -> Filter:
        if self._next_is("]"):
            return lambda value: (item for each in found(value) for item in _items(each))
        number = int(self._take())
        self._need("]")
        return lambda value: (_at(each, number) for each in found(value))

    def _term(self) -> Filter:
        token = self._take()
        if token == ".":
            return lambda value: iter([value])
        if token.startswith("."):
            return _member(lambda value: iter([value]), token[1:])
        if token == "(":
            inner = self.pipe()
            self._need(")")
            return inner
        if token == "{":
            return self._object()
        if token[0].isdigit() or token.startswith('"'):
            literal = json.loads(token)
            return lambda _: iter([literal])
        return self._function(token)

    def _function(self, name: str) -> Filter:
        if name == "length":
            return lambda value: iter([len(value)])
        if name not in {"map", "select"}:
            raise JqError(f"{name} is not defined")
        self._need("(")
        inner = self.pipe()
        self._need(")")
        if name == "map":
            return lambda value: iter([[each for item in _items(value) for each in inner(item)]])
        return lambda value: (value for each in inner(value) if each is not None and each is not False)

    def _object(self) -> Filter:
        members: list[tuple[str, Filter]] = []
        while not self._next_is("}"):
            if members:
                self._need(",")
            key = self._take()
            self._need(":")
            members.append((key, self._binary(0)))
        return lambda value: (
            dict(zip([k for k, _ in members], chosen, strict=True))
            for chosen in itertools.product(*(list(part(value)) for _, part in members))
        )


def _combined(operation: Callable[[Json, Json], Json], left: Filter, right: Filter) -> Filter:
    return lambda value: (operation(a, b) for b in right(value) for a in left(value))


def _member(found: Filter, name: str) -> Filter:
    return lambda value: (None if each is None else each.get(name) for each in found(value))


def _items(value: Json) -> list[Json]:
    if isinstance(value, list):
        return value
    return list(value.values())


def _at(value: Json, number: int) -> Json:
    return value[number] if number < len(value) else None
