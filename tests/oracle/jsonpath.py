"""JSONPath as workflows use it: the forms of S-8.13, read one character at a time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.oracle.model import Json

if TYPE_CHECKING:
    from collections.abc import Callable

Nodes = list[Json]
_DOTTED = re.compile(r"[^.\[\]()\s]+(?: +[^.\[\]()\s]+)*")
_FUNCTION = re.compile(r"(length|size|sum|min|max|avg|first|last|keys)\(\)")
_QUOTED = re.compile(r"""\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\s*""")
_FILTER = re.compile(r"\?\(\s*@\.([\w.]+)\s*(==|!=|<=|>=|<|>)\s*(.+?)\s*\)")


class Malformed(ValueError):
    """A path that cannot be read; its value is null."""


def root(path: str) -> str:
    """The first segment of a path."""
    text = path.removeprefix("$").removeprefix(".")
    quoted = re.match(r"\[\s*['\"](.*?)['\"]\s*\]", text)
    return quoted.group(1) if quoted else re.split(r"[.\[]", text, maxsplit=1)[0]


def read(document: Json, path: str) -> Json:
    """The value a path leads to; null when it leads nowhere (S-8.13, S-8.14)."""
    try:
        return _read(document, path)
    except Malformed:
        return None


def _read(document: Json, path: str) -> Json:
    rest = path[1:] if path.startswith("$") else path if path.startswith("[") else "." + path
    nodes, definite = [document], True
    while rest:
        function = _FUNCTION.fullmatch(rest[1:]) if rest.startswith(".") else None
        if function is not None:
            subject = (nodes[0] if nodes else None) if definite else nodes
            return None if subject is None else _FUNCTIONS[function.group(1)](subject)
        nodes, definite, rest = _step(nodes, rest, definite=definite)
    if definite:
        return nodes[0] if nodes else None
    return nodes


def _step(nodes: Nodes, rest: str, *, definite: bool) -> tuple[Nodes, bool, str]:
    if rest.startswith(".."):
        name = _DOTTED.match(rest, 2)
        if name is None:
            raise Malformed(rest)
        found = [v for n in nodes for v in _deep(n, name.group())]
        return found, False, rest[name.end() :]
    if rest.startswith(".["):
        return _step(nodes, rest[1:], definite=definite)
    if rest.startswith("."):
        name = _DOTTED.match(rest, 1)
        if name is None:
            raise Malformed(rest)
        after = rest[name.end() :]
        if name.group() == "*":
            return _everything(nodes), False, after
        return _named(nodes, [name.group()]), definite, after
    if rest.startswith("["):
        return _bracket(nodes, rest, definite=definite)
    raise Malformed(rest)


def _bracket(nodes: Nodes, rest: str, *, definite: bool) -> tuple[Nodes, bool, str]:
    names, position = [], 1
    while (quoted := _QUOTED.match(rest, position)) is not None:
        names.append(quoted.group(1) if quoted.group(1) is not None else quoted.group(2))
        position = quoted.end()
        if not rest.startswith(",", position):
            break
        position += 1
    if names:
        if not rest.startswith("]", position):
            raise Malformed(rest)
        return _named(nodes, names), definite, rest[position + 1 :]
    filtered = _FILTER.match(rest, 1)
    if filtered is not None and rest.startswith("]", filtered.end()):
        kept = [v for n in nodes if isinstance(n, list) for v in n if _passes(v, filtered)]
        return kept, False, rest[filtered.end() + 1 :]
    end = rest.find("]")
    if end < 0:
        raise Malformed(rest)
    inside, after = rest[1:end].strip(), rest[end + 1 :]
    if inside == "*":
        return _everything(nodes), False, after
    return _indexed(nodes, inside, after=after, definite=definite)


def _indexed(nodes: Nodes, inside: str, *, after: str, definite: bool) -> tuple[Nodes, bool, str]:
    lists = [n for n in nodes if isinstance(n, list)]
    if re.fullmatch(r"-?\d+", inside):
        index = int(inside)
        return [n[index] for n in lists if -len(n) <= index < len(n)], definite, after
    if re.fullmatch(r"-?\d+(\s*,\s*-?\d+)+", inside):
        wanted = [int(i) for i in inside.split(",")]
        return [n[i] for n in lists for i in wanted if -len(n) <= i < len(n)], False, after
    bounds = re.fullmatch(r"(-?\d*)\s*:\s*(-?\d*)", inside)
    if bounds is None:
        raise Malformed(inside)
    low, high = (int(b) if b else None for b in bounds.groups())
    return [v for n in lists for v in n[low:high]], False, after


def _named(nodes: Nodes, names: list[str]) -> Nodes:
    objects = [n for n in nodes if isinstance(n, dict)]
    if len(names) == 1:
        return [n[names[0]] for n in objects if names[0] in n]
    return [{k: n[k] for k in names if k in n} for n in objects]


def _everything(nodes: Nodes) -> Nodes:
    found: Nodes = []
    for node in nodes:
        if isinstance(node, dict):
            found.extend(node.values())
        elif isinstance(node, list):
            found.extend(node)
    return found


def _deep(node: Json, name: str) -> Nodes:
    found: Nodes = []
    if isinstance(node, dict):
        if name in node:
            found.append(node[name])
        for value in node.values():
            found.extend(_deep(value, name))
    elif isinstance(node, list):
        for value in node:
            found.extend(_deep(value, name))
    return found


def _passes(value: Json, test: re.Match[str]) -> bool:
    path, sign, literal = test.groups()
    left = read(value, path)
    right: Json
    if literal[0] in "'\"":
        right = literal[1:-1]
    elif literal in {"true", "false"}:
        right = literal == "true"
    else:
        right = float(literal)
    if sign in {"==", "!="}:
        same = left == right and isinstance(left, bool) == isinstance(right, bool)
        return same == (sign == "==")
    if left is None or isinstance(left, str) != isinstance(right, str):
        return False
    return bool({"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[sign])


def _numbers(value: Json) -> list[float]:
    items = value if isinstance(value, list) else []
    return [float(v) for v in items if isinstance(v, int | float) and not isinstance(v, bool)]


def _length(value: Json) -> Json:
    return len(value) if isinstance(value, list | dict) else None


def _some(fold: Callable[[list[float]], float]) -> Callable[[Json], Json]:
    return lambda value: fold(_numbers(value)) if _numbers(value) else None


_FUNCTIONS: dict[str, Callable[[Json], Json]] = {
    "length": _length,
    "size": _length,
    "sum": _some(sum),
    "min": _some(min),
    "max": _some(max),
    "avg": _some(lambda v: sum(v) / len(v)),
    "first": lambda value: value[0] if isinstance(value, list) and value else None,
    "last": lambda value: value[-1] if isinstance(value, list) and value else None,
    "keys": lambda value: list(value) if isinstance(value, dict) else None,
}
